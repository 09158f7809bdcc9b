"""Bootstrap intervals of average precision."""

import numpy as np

from ssl_voc.metrics.average_precision import (
    mean_of_classes,
    weighted_average_precision,
)
from ssl_voc.metrics.bootstrap import (
    Interval,
    central_limits,
    check_resampling,
    resample,
)


def bootstrap_average_precision(
    matches, protocol="voc07", confidence=0.95, num_resamples=1000, seed=0
):
    """Percentile bootstrap intervals of VOC AP over images.

    Images are drawn with replacement, as many as there are, and all averages computed
    anew from the weights that this gives them; nothing is matched again. Classes that a
    resample lacks are left out of its mean. The interval says how far the figure may
    move with other photos of the same kind; with a handful of photos, or of objects of
    a class, it is too narrow.

    Args:
        matches: `Matches` within classes.
        protocol: See `score_matches`.
        confidence: Share in `(0, 1)`.
        num_resamples: Number of resamples.
        seed: Integer; the same seed gives the same interval.

    Returns:
        List of `Interval`s whose `mean` is the figure itself: first that of the mean
        over classes, of all images, then one a class, whose `num_images` are those with
        an object of the class; all nan where there is none.
    """
    check_resampling(confidence, num_resamples)

    def averages(weights):
        per_class = weighted_average_precision(matches, weights, protocol)
        return np.concatenate([mean_of_classes(per_class)[:, None], per_class], axis=1)

    num_images, objects = matches.num_images, matches.objects
    own = averages(np.ones((1, num_images)))[0]
    resampled = own[None]
    if num_images:
        random = np.random.default_rng(seed)
        longest = max(map(len, matches.by_class), default=0)
        resampled = resample(averages, random, num_images, num_resamples, longest)
    limits = central_limits(resampled, (1.0 - confidence) / 2.0)
    wanted = ~matches.difficult
    counts = [num_images] + [
        len(np.unique(objects.images[wanted & (objects.classes == label)]))
        for label in range(matches.num_classes)
    ]
    return [
        Interval(float(mean), float(low), float(high), count)
        for mean, low, high, count in zip(own, *limits, counts, strict=True)
    ]


def compare_average_precision(every, protocol="voc07", num_resamples=1000, seed=0):
    """Mean AP of several detectors on the same images, and the first one's gain.

    Every resample holds the same images for all: what makes an image easy or hard
    cancels in the gains.

    Args:
        every: List of `Matches` of the same images and objects.
        protocol: See `score_matches`.
        num_resamples: Number of resamples.
        seed: Integer; the same seed gives the same intervals.

    Returns:
        Tuple of arrays: the figures `(n,)`, their 95 % limits `(2, n)`, and the limits
        `(2, n)` of the first one's gain over each.
    """

    def averages(weights):
        columns = [weighted_average_precision(m, weights, protocol) for m in every]
        return np.stack([mean_of_classes(column) for column in columns], axis=1)

    num_images = every[0].num_images
    longest = max(len(rows) for matches in every for rows in matches.by_class)
    random = np.random.default_rng(seed)
    drawn = resample(averages, random, num_images, num_resamples, longest)
    means = averages(np.ones((1, num_images)))[0]
    gains = central_limits(drawn[:, :1] - drawn, 0.025)
    return means, central_limits(drawn, 0.025), gains
