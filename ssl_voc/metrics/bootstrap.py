"""Bootstrap over images: resampling, intervals of means and of their differences."""

import dataclasses

import numpy as np

# Bounds the memory of the counts: at most this many numbers at once.
_CHUNK_NUMBERS = 4_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Interval:
    """A mean over images and the interval that a bootstrap gives it.

    Attributes:
        mean: The mean of the images themselves, no resampling; nan without images.
        low: Lower end.
        high: Upper end.
        num_images: Number of images that have the quantity.
    """

    mean: float
    low: float
    high: float
    num_images: int


def bootstrap_interval(
    values, confidence=0.95, num_resamples=10_000, seed=0, covers_runs=False
):
    """Percentile bootstrap interval of a mean over images.

    Images are drawn with replacement, as many as there are, and averaged; the interval
    spans the central share `confidence` of these averages. It says how far the mean
    may move with other photos of the same kind. With a handful of images it is too
    narrow, and for measures that are all equal it is a point.

    Several runs (seeds of training) on the same images are pooled: an image that is
    drawn is drawn for all runs at once, since its difficulty is common to them, and
    all drawn values are averaged. The interval then speaks of these runs. With
    `covers_runs` it also covers the choice of seeds, see `over_runs`.

    Args:
        values: Float array `(num_images,)`, or `(num_runs, num_images)` whose columns
            are the same images. nan where an image does not have the quantity: it is
            left out of the mean.
        confidence: Share in `(0, 1)`.
        num_resamples: Number of resamples.
        seed: Integer; the same seed gives the same interval.
        covers_runs: Whether the interval is of other runs, too.

    Returns:
        `Interval`; all nan when no image has the quantity.

    Reference:
        - [Efron, 1979](https://doi.org/10.1214/aos/1176344552)
    """
    check_resampling(confidence, num_resamples)
    values = np.atleast_2d(np.asarray(values, "float64"))
    if values.ndim != 2:
        raise ValueError(
            "`values` must have shape (num_images,) or (num_runs, num_images). "
            f"Received: values.shape={values.shape}"
        )
    has_value = ~np.isnan(values)
    # What no run has is no part of what is resampled.
    kept = np.any(has_value, axis=0)
    values, has_value = values[:, kept], has_value[:, kept]
    num_images = values.shape[1]
    if not num_images:
        return Interval(np.nan, np.nan, np.nan, 0)
    values = np.where(has_value, values, 0.0)
    # Around the mean, so that equal values give it exactly.
    mean = values.sum() / has_value.sum()
    deviations = np.where(has_value, values - mean, 0.0)

    random = np.random.default_rng(seed)

    def average(times_image):
        sums = times_image @ deviations.T  # (size, num_runs)
        numbers = times_image @ has_value.T.astype("float64")
        # Runs that have different images can be drawn without any: no average then.
        return ratio(sums.sum(axis=1), numbers.sum(axis=1))

    averages = resample(average, random, num_images, num_resamples)
    low, high = mean + central_limits(averages[:, None], (1.0 - confidence) / 2.0)[:, 0]
    found = Interval(float(mean), float(low), float(high), num_images)
    if not covers_runs:
        return found
    return over_runs(
        found, ratio(values.sum(axis=1), has_value.sum(axis=1)), confidence
    )


def over_runs(interval, means, confidence=0.95):
    """Widens an interval of the mean of some runs, so that it is one of other runs.

    The photos are common to the runs, so that what their means differ by is the seed.
    Its part of the interval is Student's, which a few runs make wide: of two it is 12.7
    standard errors on either side, of three 4.3, of ten 2.3. Both parts, of photos and
    of seeds, are independent and add in squares.

    Args:
        interval: `Interval` over images.
        means: Float array `(num_runs,)`: the mean of each run, or the difference of
            each pair of runs; nan where there is none.
        confidence: Share in `(0, 1)`.

    Returns:
        `Interval`; of one run that of the images alone.
    """
    means = means[~np.isnan(means)]
    number = len(means)
    if number < 2:
        return interval
    from scipy.stats import t  # which takes a second to load

    half = t.ppf((1.0 + confidence) / 2.0, number - 1)
    half *= np.std(means, ddof=1) / np.sqrt(number)
    below, above = interval.mean - interval.low, interval.high - interval.mean
    return dataclasses.replace(
        interval,
        low=float(interval.mean - np.hypot(below, half)),
        high=float(interval.mean + np.hypot(above, half)),
    )


def paired_bootstrap(values_a, values_b, **options):
    """Bootstrap interval of the mean difference a - b of two runs on the same images.

    Each image is compared with itself, so what makes it easy or hard for both cancels,
    and the interval is tighter than two separate ones let expect. An image that lacks
    the quantity in either run is left out of both. Several runs each are paired row by
    row (the same seed, the same splits) and pooled as in `bootstrap_interval`.

    Args:
        values_a: Float array `(num_images,)` or `(num_runs, num_images)`.
        values_b: Array of the same shape, for the same images in the same order.
        **options: Of `bootstrap_interval`.

    Returns:
        `Interval` of the difference; 0, 0, 0 for identical runs.

    Raises:
        ValueError: when the shapes differ.
    """
    values_a, values_b = (
        np.asarray(values_a, "float64"),
        np.asarray(values_b, "float64"),
    )
    if values_a.shape != values_b.shape:
        raise ValueError(
            "Runs are compared on the same images, and seed by seed. Received: "
            f"values_a.shape={values_a.shape}, values_b.shape={values_b.shape}"
        )
    return bootstrap_interval(values_a - values_b, **options)


def check_resampling(confidence, num_resamples):
    """Raises unless an interval can be computed by these settings."""
    if not 0.0 < confidence < 1.0 or num_resamples < 1:
        raise ValueError(
            "`confidence` must lie in (0, 1) and `num_resamples` be at least 1. "
            f"Received: confidence={confidence}, num_resamples={num_resamples}"
        )


def resample(statistic, random, num_images, num_resamples, width=1):
    """Computes a statistic on resamples of images, drawn with replacement.

    Args:
        statistic: Function from how often each image was drawn, float64
            `(size, num_images)`, to an array `(size, ...)`.
        random: `numpy.random.Generator`.
        num_images: Number of images, at least 1.
        num_resamples: Number of resamples.
        width: Numbers that `statistic` holds at once for each resample.

    Returns:
        Array `(num_resamples, ...)`.
    """
    size = max(1, _CHUNK_NUMBERS // max(num_images, width))
    parts = [
        statistic(draw_counts(random, min(size, num_resamples - start), num_images))
        for start in range(0, num_resamples, size)
    ]
    return np.concatenate(parts)


def central_limits(values, tail):
    """Limits of the central share of each column.

    Args:
        values: Float array `(num_resamples, n)`; nan is left out.
        tail: Share beyond each limit, in `(0, 0.5)`.

    Returns:
        Array `(2, n)`, low and high; nan for a column of nan alone.
    """
    limits = np.full((2, values.shape[1]), np.nan)
    for column in np.flatnonzero(~np.isnan(values).all(axis=0)):
        limits[:, column] = np.nanquantile(values[:, column], [tail, 1.0 - tail])
    return limits


def ratio(parts, wholes):
    """`parts / wholes` of numbers or arrays, nan where there is no whole."""
    wholes = np.asarray(wholes, "float64")
    return np.where(wholes > 0, parts / np.where(wholes > 0, wholes, 1.0), np.nan)[()]


def draw_counts(random, size, number):
    """How often each of `number` things is drawn, `size` times.

    Drawn one after another: parts of a draw are those of the whole.

    Args:
        random: `numpy.random.Generator`.
        size: Number of resamples.
        number: Number of things, and of draws of a resample.

    Returns:
        Float64 array `(size, number)`, whose rows add up to `number`.
    """
    drawn = random.integers(0, number, (size, number))
    drawn += number * np.arange(size)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=size * number)
    return counts.reshape(size, number).astype("float64")
