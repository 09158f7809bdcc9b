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
    over_runs,
    resample,
)

_CONFIDENCE = 0.95


def bootstrap_average_precision(matches, protocol="voc07", num_resamples=1000, seed=0):
    """Percentile bootstrap intervals of VOC AP over images, 95 %.

    Images are drawn with replacement, as many as there are, and all averages computed
    anew from the weights that this gives them; nothing is matched again. Classes that a
    resample lacks are left out of its mean. The interval says how far the figure may
    move with other photos of the same kind; with a handful of photos, or of objects of
    a class, it is too narrow.

    Args:
        matches: `Matches` within classes.
        protocol: See `score_matches`.
        num_resamples: Number of resamples.
        seed: Integer; the same seed gives the same interval.

    Returns:
        List of `Interval`s whose `mean` is the figure itself: first that of the mean
        over classes, of all images, then one a class, whose `num_images` are those with
        an object of the class; all nan where there is none.
    """
    check_resampling(_CONFIDENCE, num_resamples)

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
    limits = central_limits(resampled, (1.0 - _CONFIDENCE) / 2.0)
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

    Raises:
        ValueError: when the images or objects differ.
    """
    _refuse_other_objects(every)

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


def paired_average_precision(
    ours, theirs, protocol, num_resamples, seed=0, covers_runs=False
):
    """Difference of two detectors' VOC AP, and its bootstrap interval.

    Every resample holds the same images for both, so what makes an image easy or hard
    for both cancels, and the interval is tighter than two separate ones let expect.
    Runs of a side (seeds of training) are averaged.

    Args:
        ours: List of `Matches`, one a run.
        theirs: The other detector's, of the same images and objects in the same order;
            empty for the AP of ours itself.
        protocol: See `score_matches`.
        num_resamples: Number of resamples.
        seed: Integer; the same seed gives the same interval.
        covers_runs: Whether the interval is of other runs, too, see `over_runs`; then
            there are as many on both sides, in pairs.

    Returns:
        `Interval` of ours less theirs, 95 %; 0, 0, 0 for identical ones.

    Raises:
        ValueError: when the images or objects differ.
    """
    runs = [*ours, *theirs]
    _refuse_other_objects(runs)
    random = np.random.default_rng(seed)

    def by_run(side, weights):
        averages = (weighted_average_precision(m, weights, protocol) for m in side)
        return np.stack([mean_of_classes(average) for average in averages], axis=1)

    def difference(weights):
        mean = by_run(ours, weights).mean(axis=1)
        return mean - by_run(theirs, weights).mean(axis=1) if theirs else mean

    if covers_runs and theirs and len(ours) != len(theirs):
        raise ValueError(
            f"Runs are compared in pairs. Received: {len(ours)} and {len(theirs)} runs"
        )
    num_images = ours[0].num_images
    longest = max(len(rows) for run in runs for rows in [*run.by_class, ()])
    drawn = resample(difference, random, num_images, num_resamples, longest)
    low, high = central_limits(drawn[:, None], 0.025)[:, 0]
    once = np.ones((1, num_images))
    mean = float(difference(once)[0])
    found = Interval(mean, float(low), float(high), num_images)
    if not covers_runs:
        return found
    gains = by_run(ours, once)[0] - (by_run(theirs, once)[0] if theirs else 0.0)
    return over_runs(found, gains, _CONFIDENCE)


def _refuse_other_objects(runs):
    """Raises unless all `Matches` are of the same images and objects."""
    first = runs[0]
    for other in runs[1:]:
        pairs = (
            (first.num_images, other.num_images),
            (first.objects.images, other.objects.images),
            (first.objects.classes, other.objects.classes),
            (first.objects.boxes, other.objects.boxes),
            (first.difficult, other.difficult),
        )
        if not all(np.array_equal(*pair) for pair in pairs):
            raise ValueError("Runs are compared on the same images and objects.")
