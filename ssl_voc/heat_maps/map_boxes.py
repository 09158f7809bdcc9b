"""The box that a heat map draws around what it shows, and how well it fits."""

import numpy as np

from ssl_voc.metrics import box_ious

# Shares of the map's range. At 0 all is inside, at 1 a single cell.
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))


def boxes_at_thresholds(heat, thresholds=THRESHOLDS):
    """The box of a map's largest connected part above each threshold.

    Args:
        heat: Array `(height, width)`.
        thresholds: Shares of the map's range, from its minimum to its maximum.

    Returns:
        Float64 array `(num_thresholds, 4)`, xyxy in pixels; of no area where the map
        is the same everywhere.

    Reference:
        - [Choe et al., 2020](https://arxiv.org/abs/2001.07437), MaxBoxAcc
    """
    heat = np.asarray(heat, "float64")
    low, high = heat.min(), heat.max()
    if not high > low:
        return np.zeros((len(thresholds), 4))
    scaled = (heat - low) / (high - low)
    return np.array([_largest_part(scaled >= value) for value in thresholds], "float64")


def ious_at_thresholds(heat, box, thresholds=THRESHOLDS):
    """IoU of a box with the map's box at each threshold, `(num_thresholds,)`."""
    found = boxes_at_thresholds(heat, thresholds)
    return box_ious(np.broadcast_to(np.asarray(box, "float64"), found.shape), found)


def choose_elsewhere(ious, seed=0, num_parts=2):
    """IoU of each image at the threshold that suits other images best.

    Images are dealt into parts; the images of one part get the threshold of the highest
    mean IoU on all other parts, so that no image helps to choose its own.

    Args:
        ious: Array `(num_images, num_thresholds)`.
        seed: Seed of the parts.
        num_parts: Number of parts, at least 2.

    Returns:
        `(chosen, indices)`: float64 `(num_images,)`, and the threshold that each image
        got, int64 `(num_images,)`. A single image has no others: the middle threshold.
    """
    ious = np.asarray(ious, "float64")
    order = np.random.default_rng(seed).permutation(len(ious))
    part_of = np.empty(len(ious), "int64")
    part_of[order] = np.arange(len(ious)) % num_parts
    indices = np.full(len(ious), ious.shape[1] // 2)
    for part in range(num_parts):
        others = part_of != part
        if others.any():
            indices[~others] = np.argmax(ious[others].mean(axis=0))
    return ious[np.arange(len(ious)), indices], indices


def _largest_part(mask):
    """The box (xyxy) of the largest part of a mask whose cells touch by their sides."""
    padded = np.zeros((mask.shape[0], mask.shape[1] + 2), "int8")
    padded[:, 1:-1] = mask
    steps = np.diff(padded, axis=1)
    # Runs of a row, from `starts` to `ends` (exclusive), row by row.
    rows, starts = np.nonzero(steps == 1)
    _, ends = np.nonzero(steps == -1)
    if not len(rows):
        return 0, 0, 0, 0
    below = rows[None] - rows[:, None] == 1
    touch = (starts[None] < ends[:, None]) & (starts[:, None] < ends[None])
    upper, lower = np.nonzero(below & touch)
    labels = np.arange(len(rows))
    while True:
        smallest = np.minimum(labels[upper], labels[lower])
        new = labels.copy()
        for side in (upper, lower):
            np.minimum.at(new, side, smallest)
            # The run that gave a label its name has gone on to a smaller one, too.
            np.minimum.at(new, labels[side], smallest)
        new = new[new]
        if (new == labels).all():
            break
        labels = new
    sizes = np.bincount(labels, weights=ends - starts)
    part = labels == np.argmax(sizes)
    return (
        starts[part].min(),
        rows[part].min(),
        ends[part].max(),
        rows[part].max() + 1,
    )
