"""Localization by heat maps: boxes of thresholded maps and their IoU."""

import numpy as np
from scipy import ndimage

from ssl_voc.boxes import box_ious

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


def cross_validated_iou(ious, seed=0, num_folds=2):
    """IoU of each image at the threshold that is best on other images.

    Images are dealt into folds; the images of one fold get the threshold of the highest
    mean IoU on all other folds, so that no image helps to choose its own.

    Args:
        ious: Array `(num_images, num_thresholds)`.
        seed: Seed of the folds.
        num_folds: Number of folds, at least 2.

    Returns:
        `(chosen, indices)`: float64 `(num_images,)`, and the threshold that each image
        got, int64 `(num_images,)`. A single image has no others: the middle threshold.
    """
    ious = np.asarray(ious, "float64")
    order = np.random.default_rng(seed).permutation(len(ious))
    fold_of = np.empty(len(ious), "int64")
    fold_of[order] = np.arange(len(ious)) % num_folds
    indices = np.full(len(ious), ious.shape[1] // 2)
    for fold in range(num_folds):
        others = fold_of != fold
        if others.any():
            indices[~others] = np.argmax(ious[others].mean(axis=0))
    return ious[np.arange(len(ious)), indices], indices


def _largest_part(mask):
    """The box (xyxy) of the largest part of a mask whose cells touch by their sides."""
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())[1:]
    rows, columns = ndimage.find_objects(labels)[np.argmax(sizes)]
    return columns.start, rows.start, columns.stop, rows.stop
