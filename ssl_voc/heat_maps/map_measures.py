"""Quality measures of heat maps against the object's box.

A map of zeros says nothing: it points nowhere in particular and is treated as a map
that is the same everywhere, except that it covers nothing.
"""

import numpy as np
from scipy import ndimage
from scipy.stats import rankdata

from ssl_voc.boxes import box_ious

# Of the map's maximum: where the map is said to be high.
HIGH = 0.5
# Shares of the map's range. At 0 all is inside, at 1 a single cell.
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))


def box_weights(shape, box):
    """The share of each pixel that lies inside a box.

    Args:
        shape: `(height, width)` in pixels.
        box: xyxy in pixels; what reaches beyond the image counts nothing.

    Returns:
        Float64 array `(height, width)` in `[0, 1]`; its sum is the box's area.
    """
    sides = []
    for low, high, size in ((box[1], box[3], shape[0]), (box[0], box[2], shape[1])):
        starts = np.arange(size, dtype="float64")
        inside = np.minimum(starts + 1, high) - np.maximum(starts, low)
        sides.append(np.clip(inside, 0.0, 1.0))
    return sides[0][:, None] * sides[1]


def measure_map(heat, box):
    """Compares a map with the box of the object that it should show.

    Args:
        heat: Array `(height, width)`, finite and not negative, of the photo alone,
            without padding.
        box: xyxy in pixels of the map; it must share area with the image.

    Returns:
        Dictionary of floats in `[0, 1]`: `"pointing"`, whether the map's maximum lies
        in the box (the share of equal maxima that do); `"energy"`, the share of the
        map's sum inside the box; `"box_share"`, that of the area, which is what both
        are for a map that knows nothing; `"coverage"`, the share of the box where the
        map is above half its maximum; `"spill"`, that share of the rest of the photo.

    Raises:
        ValueError: when the map cannot be measured.

    References:
        - [Zhang et al., 2016](https://arxiv.org/abs/1608.00507), pointing game (here
          without its tolerance of 15 pixels)
        - [Wang et al., 2020](https://arxiv.org/abs/1910.01279), energy inside
    """
    heat = np.asarray(heat, "float64")
    if heat.ndim != 2 or not np.isfinite(heat).all() or (heat < 0).any():
        raise ValueError(
            "`heat` must be a finite map (height, width) that is not negative. "
            f"Received: shape={heat.shape}"
        )
    inside = box_weights(heat.shape, box)
    area = inside.sum()
    if not area > 0:
        raise ValueError(
            f"`box` must share area with the map. Received: {tuple(box)} for a map of "
            f"{heat.shape[1]} x {heat.shape[0]} pixels"
        )
    high = (heat > HIGH * heat.max()).astype("float64")
    if not heat.any():
        heat = np.ones_like(heat)
    rest = heat.size - area
    return {
        "pointing": float(inside[heat == heat.max()].mean()),
        "energy": float((inside * heat).sum() / heat.sum()),
        "box_share": float(area / heat.size),
        "coverage": float((inside * high).sum() / area),
        "spill": float(((1 - inside) * high).sum() / rest) if rest > 1e-9 else np.nan,
    }


def ious_at_thresholds(heat, box, thresholds=THRESHOLDS):
    """IoU of a box with that of a map's largest connected part above each threshold.

    Args:
        heat: Array `(height, width)`.
        box: xyxy in pixels of the map.
        thresholds: Shares of the map's range, from its minimum to its maximum.

    Returns:
        Float64 array `(num_thresholds,)` in `[0, 1]`; 0 where the map is the same
        everywhere.

    Reference:
        - [Choe et al., 2020](https://arxiv.org/abs/2001.07437), MaxBoxAcc
    """
    heat = np.asarray(heat, "float64")
    low, high = heat.min(), heat.max()
    if not high > low:
        return np.zeros(len(thresholds))
    scaled = (heat - low) / (high - low)
    found = [_largest_part(scaled >= value) for value in thresholds]
    return box_ious(box, found)


def _largest_part(mask):
    """The box (xyxy) of the largest part of a mask whose cells touch by their sides."""
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())[1:]
    rows, columns = ndimage.find_objects(labels)[np.argmax(sizes)]
    return columns.start, rows.start, columns.stop, rows.stop


def cross_validated_iou(ious, seed=0):
    """IoU, or hit, of each image at the threshold that is best on other images.

    Images are dealt into halves; those of one half get the threshold of the highest
    mean on the other, so that no image helps to choose its own.

    Args:
        ious: Array `(num_images, num_thresholds)` of numbers or bools.
        seed: Seed of the halves.

    Returns:
        `(chosen, indices)`: float64 `(num_images,)`, and the threshold that each image
        got, int64 `(num_images,)`. A single image has no others: the middle threshold.
    """
    ious = np.asarray(ious, "float64")
    order = np.random.default_rng(seed).permutation(len(ious))
    halves = np.sort(order[::2]), np.sort(order[1::2])
    indices = np.full(len(ious), ious.shape[1] // 2)
    for half, others in (halves, halves[::-1]):
        if len(others):
            indices[half] = np.argmax(ious[others].mean(axis=0))
    return ious[np.arange(len(ious)), indices], indices


def rank_correlation(a, b):
    """Spearman's correlation of two maps: 1 where they rank all cells alike.

    Args:
        a: Array of any shape.
        b: Array of the same shape.

    Returns:
        Float in `[-1, 1]`, equal values sharing their mean rank; 0 where one of the
        maps is the same everywhere, which says nothing about the other.
    """
    ranks = [rankdata(values, axis=None) for values in (a, b)]
    a, b = (values - values.mean() for values in ranks)
    norm = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / norm) if norm > 0 else 0.0
