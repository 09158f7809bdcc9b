import numpy as np
import pytest

from ssl_voc.metrics import (
    bootstrap_average_precision,
    match_detections,
    voc_average_precision,
)
from tests.metrics.detections import generate, part


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
        (intervals[0], whole.mean, [a.mean for a in averages]),
        (intervals[1], whole.per_class[0], [a.per_class[0] for a in averages]),
    ):
        assert interval.mean == pytest.approx(own)
        width = interval.high - interval.low
        low, high = np.nanpercentile(values, [2.5, 97.5])
        assert interval.low == pytest.approx(low, abs=0.15 * width)
        assert interval.high == pytest.approx(high, abs=0.15 * width)
    assert intervals[0].num_images == 30
    has_class = (truth["classes"] == 0) & ~truth["difficult"]
    assert intervals[1].num_images == has_class.any(axis=1).sum()


def test_a_class_without_objects_and_no_images_have_no_interval():
    matches = match_detections(*generate(0), num_classes=4)
    nothing = {"boxes": np.zeros((0, 1, 4)), "classes": np.zeros((0, 1))}
    nothing["confidence"] = np.zeros((0, 1))
    without = match_detections(nothing, nothing, num_classes=2)
    for interval in (
        bootstrap_average_precision(matches, num_resamples=50)[1 + 2],
        bootstrap_average_precision(without)[0],
    ):
        assert np.isnan([interval.mean, interval.low, interval.high]).all()
        assert interval.num_images == 0
