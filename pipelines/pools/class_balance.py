"""Repeat factors: how much more often photos of rare classes are seen."""

import numpy as np


def repeat_factors_of_classes(targets, num_classes, threshold):
    """Repeat factor of each class, `max(1, sqrt(threshold / share))`.

    Its share is that of the photos which show it; objects that are difficult, of which
    nothing is learned, do not count. A class that no photo shows has the factor 1.

    Args:
        targets: Dictionary of arrays `"classes"` and `"difficult"` `(num_photos, m)`,
            classes -1 where padded, see `ObjectTargets`.
        num_classes: Number of classes.
        threshold: Share of the photos, in `(0, 1]`, below which a class is rare.

    Returns:
        Float64 array `(num_classes,)`, at least 1.

    Raises:
        ValueError: If the threshold is no such share.

    Reference:
        - [Gupta et al., 2019](https://arxiv.org/abs/1908.03195), section 5.2, with a
          threshold of 0.001 for 1,203 classes
    """
    if not 0.0 < threshold <= 1.0:
        raise ValueError(
            f"`threshold` must lie in (0, 1]. Received: threshold={threshold}"
        )
    counts = _shows(targets, num_classes).sum(axis=0)
    shares = counts / max(len(targets["classes"]), 1)
    rare = np.maximum(1.0, np.sqrt(threshold / np.where(counts, shares, 1.0)))
    return np.where(counts, rare, 1.0)


def repeat_factors(targets, num_classes, threshold):
    """Repeat factor of each photo: the largest of its classes, 1 without an object.

    Arguments are those of `repeat_factors_of_classes`.

    Returns:
        Float64 array `(num_photos,)`, at least 1.
    """
    of_classes = repeat_factors_of_classes(targets, num_classes, threshold)
    shown = np.where(_shows(targets, num_classes), of_classes, 1.0)
    return shown.max(axis=1, initial=1.0)


def _shows(targets, num_classes):
    """Bool array `(num_photos, num_classes)`: which classes a photo teaches."""
    classes, difficult = targets["classes"], targets["difficult"]
    rows, places = np.nonzero((classes >= 0) & ~difficult)
    shows = np.zeros((len(classes), num_classes), "bool")
    shows[rows, classes[rows, places].astype("int64")] = True
    return shows
