import dataclasses

import numpy as np
import pytest

from ssl_voc.metrics import (
    bootstrap_average_precision,
    match_detections,
    paired_bootstrap_average_precision,
    voc_average_precision,
)
from tests.metrics.detections import generate


def part(side, images):
    return {name: values[images] for name, values in side.items()}


def spoiled(predictions, share, seed):
    """A worse detector: a share of the boxes moved away."""
    moved = np.random.default_rng(seed).random(predictions["classes"].shape) < share
    boxes = predictions["boxes"] + 1000 * moved[..., None]
    return {**predictions, "boxes": boxes}


def test_interval_is_that_of_matching_every_resample_anew():
    predictions, truth = generate(0, num_images=30)
    matches = match_detections(predictions, truth, num_classes=4)
    intervals = bootstrap_average_precision(matches, "voc10", num_resamples=2000)
    random = np.random.default_rng(1)
    averages = []
    for _ in range(600):
        images = random.integers(0, 30, 30)
        averages.append(
            voc_average_precision(
                part(predictions, images), part(truth, images), "voc10", num_classes=4
            )
        )
    whole = voc_average_precision(predictions, truth, "voc10", num_classes=4)
    for interval, own, values in (
        (intervals.mean, whole.mean, [a.mean for a in averages]),
        (
            intervals.per_class[0],
            whole.per_class[0],
            [a.per_class[0] for a in averages],
        ),
    ):
        assert interval.mean == pytest.approx(own)
        width = interval.high - interval.low
        low, high = np.nanpercentile(values, [2.5, 97.5])
        assert interval.low == pytest.approx(low, abs=0.15 * width)
        assert interval.high == pytest.approx(high, abs=0.15 * width)
    assert intervals.mean.num_images == 30
    has_class = (truth["classes"] == 0) & ~truth["difficult"]
    assert intervals.per_class[0].num_images == has_class.any(axis=1).sum()


def test_a_class_without_objects_has_no_interval():
    matches = match_detections(*generate(0), num_classes=4)
    empty = bootstrap_average_precision(matches, num_resamples=50).per_class[2]
    assert np.isnan([empty.mean, empty.low, empty.high]).all()
    assert empty.num_images == 0


def test_without_a_run_there_is_no_interval():
    with pytest.raises(ValueError, match="0 runs"):
        bootstrap_average_precision([])


def test_no_images_have_no_interval():
    nothing = {"boxes": np.zeros((0, 1, 4)), "classes": np.zeros((0, 1))}
    nothing["confidence"] = np.zeros((0, 1))
    matches = match_detections(nothing, nothing, num_classes=2)
    interval = bootstrap_average_precision(matches).mean
    assert np.isnan([interval.mean, interval.low, interval.high]).all()


def test_pairing_cancels_what_is_common():
    predictions, truth = generate(3, num_images=80)
    a = match_detections(predictions, truth, num_classes=4)
    b = match_detections(spoiled(predictions, 0.3, 0), truth, num_classes=4)
    options = {"protocol": "voc10", "num_resamples": 500}
    difference = paired_bootstrap_average_precision(a, b, **options).mean
    apart = [bootstrap_average_precision(m, **options).mean for m in (a, b)]
    assert difference.mean == pytest.approx(apart[0].mean - apart[1].mean)
    assert difference.excludes_zero
    # Independent errors would add in squares.
    independent = np.hypot(*(interval.high - interval.low for interval in apart))
    assert difference.high - difference.low < 0.85 * independent


def test_identical_detectors_differ_by_exactly_nothing():
    matches = match_detections(*generate(4), num_classes=4)
    result = paired_bootstrap_average_precision(matches, matches, num_resamples=100)
    for interval in (result.mean, result.per_class[0]):
        assert (interval.mean, interval.low, interval.high) == (0.0, 0.0, 0.0)


def test_runs_are_pooled_image_by_image():
    predictions, truth = generate(6, num_images=60)
    runs = [
        match_detections(spoiled(predictions, 0.5, seed), truth, num_classes=4)
        for seed in range(3)
    ]
    options = {"protocol": "voc10", "num_resamples": 300}
    pooled = bootstrap_average_precision(runs, **options)
    apart = [bootstrap_average_precision(run, **options) for run in runs]
    assert pooled.mean.mean == pytest.approx(np.mean([one.mean.mean for one in apart]))
    assert pooled.per_class[1].mean == pytest.approx(
        np.mean([one.per_class[1].mean for one in apart])
    )
    # The same run three times over says no more than once.
    tripled = bootstrap_average_precision([runs[0]] * 3, **options).mean
    assert tripled.high == pytest.approx(apart[0].mean.high)
    assert tripled.low == pytest.approx(apart[0].mean.low)


def test_detectors_on_different_objects_are_not_compared():
    predictions, truth = generate(7)
    a = match_detections(predictions, truth, num_classes=4)
    harder = {**truth, "difficult": ~truth["difficult"]}
    renamed = {**truth, "classes": np.where(truth["classes"] == 0, 1, truth["classes"])}
    moved = {name: values[::-1] for name, values in truth.items()}
    for other in (harder, renamed, moved):
        b = match_detections(predictions, other, num_classes=4)
        with pytest.raises(ValueError, match="same images with the same objects"):
            paired_bootstrap_average_precision(a, b)
    b = dataclasses.replace(a, iou_threshold=0.7)
    with pytest.raises(ValueError, match="IoU threshold"):
        paired_bootstrap_average_precision(a, b)
