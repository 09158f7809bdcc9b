"""Bootstrap intervals of average precision and of differences between detectors."""

import dataclasses

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
from ssl_voc.metrics.detection_matching import Matches


@dataclasses.dataclass(frozen=True, slots=True)
class AveragePrecisionIntervals:
    """Intervals of an average precision or of a difference of two.

    Attributes:
        mean: `Interval` of the mean over classes; its `num_images` are all images.
        per_class: Tuple of an `Interval` a class; its `num_images` are those with an
            object of the class. All nan where there is none.
    """

    mean: Interval
    per_class: tuple


def bootstrap_average_precision(
    matches, protocol="voc07", confidence=0.95, num_resamples=1000, seed=0
):
    """Percentile bootstrap interval of VOC AP over images.

    Images are drawn with replacement, as many as there are, and all averages computed
    anew from the weights that this gives them; nothing is matched again. Classes that a
    resample lacks are left out of its mean. The interval says how far the figure may
    move with other photos of the same kind; with a handful of photos, or of objects of
    a class, it is too narrow.

    Several runs (seeds of training) on the same images are pooled as
    `bootstrap_interval` pools them: an image that is drawn is drawn for all, and their
    results are averaged. The interval then speaks of these runs.

    Args:
        matches: `Matches` within classes, or a sequence of them: one a run.
        protocol: See `score_matches`.
        confidence: Share in `(0, 1)`.
        num_resamples: Number of resamples.
        seed: Integer; the same seed gives the same interval.

    Returns:
        `AveragePrecisionIntervals`, `mean` in its intervals being the figure itself.

    Raises:
        ValueError: when runs are of different images or objects.
    """
    runs = _as_runs(matches)
    _check(runs, confidence, num_resamples)

    def averages(weights):
        return _pooled(runs, weights, protocol)

    return _intervals(runs, averages, confidence, num_resamples, seed)


def paired_bootstrap_average_precision(
    matches_a,
    matches_b,
    protocol="voc07",
    confidence=0.95,
    num_resamples=1000,
    seed=0,
):
    """Bootstrap interval of the difference a - b of two detectors' VOC AP.

    Every resample holds the same images for both, so what makes an image easy or hard
    for both cancels, and the interval is tighter than two separate ones let expect.

    Args:
        matches_a: `Matches`, or a sequence of them, of one detector.
        matches_b: The other's, of the same images and objects in the same order.
        protocol: See `score_matches`.
        confidence: Share in `(0, 1)`.
        num_resamples: Number of resamples.
        seed: Integer; the same seed gives the same interval.

    Returns:
        `AveragePrecisionIntervals` of the difference; 0, 0, 0 for identical detectors.

    Raises:
        ValueError: when the images or objects differ.
    """
    runs_a, runs_b = _as_runs(matches_a), _as_runs(matches_b)
    _check(runs_a + runs_b, confidence, num_resamples)

    def differences(weights):
        return _pooled(runs_a, weights, protocol) - _pooled(runs_b, weights, protocol)

    return _intervals(runs_a + runs_b, differences, confidence, num_resamples, seed)


def _as_runs(matches):
    return [matches] if isinstance(matches, Matches) else list(matches)


def _check(runs, confidence, num_resamples):
    check_resampling(confidence, num_resamples)
    if not runs:
        raise ValueError("There must be a run. Received: 0 runs")
    first = runs[0]
    for number, other in enumerate(runs[1:], start=2):
        pairs = (
            (first.num_images, other.num_images),
            (first.num_classes, other.num_classes),
            (first.iou_threshold, other.iou_threshold),
            (first.objects.images, other.objects.images),
            (first.objects.classes, other.objects.classes),
            (first.difficult, other.difficult),
        )
        if not all(np.array_equal(*pair) for pair in pairs):
            raise ValueError(
                "Runs are compared on the same images with the same objects, classes "
                "and IoU threshold, in the same order. Received: the first run with "
                f"{first.num_images} images and {len(first.difficult)} objects, run "
                f"{number} with {other.num_images} and {len(other.difficult)}"
            )


def _pooled(runs, weights, protocol):
    """Average over runs of AP, the mean over classes first: `(size, 1 + classes)`."""
    total = 0.0
    for matches in runs:
        per_class = weighted_average_precision(matches, weights, protocol)
        means = mean_of_classes(per_class)
        total = total + np.concatenate([means[:, None], per_class], axis=1)
    return total / len(runs)


def _intervals(runs, averages, confidence, num_resamples, seed):
    first = runs[0]
    num_images = first.num_images
    own = averages(np.ones((1, num_images)))[0]
    resampled = own[None]
    if num_images:
        random = np.random.default_rng(seed)
        longest = max(len(rows) for run in runs for rows in [*run.by_class, ()])
        resampled = resample(averages, random, num_images, num_resamples, longest)
    wanted = ~first.difficult
    counts = [num_images] + [
        len(np.unique(first.objects.images[wanted & (first.objects.classes == label)]))
        for label in range(first.num_classes)
    ]
    limits = central_limits(resampled, (1.0 - confidence) / 2.0)
    intervals = [
        Interval(float(mean), float(low), float(high), count)
        for mean, low, high, count in zip(own, *limits, counts, strict=True)
    ]
    return AveragePrecisionIntervals(intervals[0], tuple(intervals[1:]))
