import keras
import numpy as np
import pytest

from ssl_voc.metrics import LocalizationAccuracy, MeanBoxIoU
from tests import box_reference

BOX = [0, 0, 10, 10]
# IoU 0.5, 0.7, 0.71 and 1 with `BOX`.
PREDICTED = [[0, 0, 5, 10], [0, 0, 7, 10], [0, 0, 7.1, 10], BOX]


def measured(metric, *batch, **weights):
    metric.reset_state()
    metric.update_state(*batch, **weights)
    return float(metric.result())


def test_figures_are_those_of_the_loops_over_all_batches():
    random = np.random.default_rng(0)
    true = box_reference.random_boxes(random, 60)
    predicted = true + random.normal(0, 5, true.shape).astype("float32")
    ious = np.array([*map(box_reference.iou, true, predicted)])
    expected = {
        MeanBoxIoU(): ious.mean(),
        LocalizationAccuracy(0.5): (ious > 0.5).mean(),
        LocalizationAccuracy(0.7): (ious > 0.7).mean(),
    }
    for metric, value in expected.items():
        for part in (slice(0, 40), slice(40, 54), slice(54, 60)):
            metric.update_state(true[part, None], predicted[part])
        assert float(metric.result()) == pytest.approx(value, abs=1e-6)
        assert 0.05 < value < 0.95


def test_class_zero_counts_and_padding_does_not():
    targets = {"boxes": [[BOX], [BOX], [[-1] * 4]], "classes": [[0], [3], [-1]]}
    predicted = {"boxes": [[0, 0, 5, 10], BOX, BOX]}
    # (0.5 + 1) / 2: the third image has no object.
    assert measured(MeanBoxIoU(), targets, predicted) == pytest.approx(0.75)
    alone = targets["boxes"], predicted["boxes"]
    assert measured(MeanBoxIoU(), *alone) == pytest.approx(0.75)
    # A class of -1 is padding whatever its box.
    targets["boxes"][2] = [BOX]
    assert measured(MeanBoxIoU(), targets, predicted) == pytest.approx(0.75)


def test_weights_are_those_of_images():
    batch = [BOX, BOX], [BOX, [0, 0, 5, 10]]
    weighted = measured(MeanBoxIoU(), *batch, sample_weight=[1.0, 3.0])
    assert weighted == pytest.approx((1 + 3 * 0.5) / 4)


def test_prediction_that_is_not_finite_overlaps_nothing():
    predicted = [[np.nan, 0, 10, 10], [-np.inf, 0, np.inf, 10], BOX]
    assert measured(MeanBoxIoU(), [BOX] * 3, predicted) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("box_format", "true", "predicted"),
    [
        ("xywh", [10, 10, 10, 20], [10, 10, 10, 10]),
        ("center_xywh", [15, 20, 10, 20], [15, 15, 10, 10]),
        ("rel_xyxy", [0.1, 0.1, 0.2, 0.3], [0.1, 0.1, 0.2, 0.2]),
    ],
)
def test_formats_give_one_iou(box_format, true, predicted):
    metric = MeanBoxIoU(box_format)
    assert measured(metric, [true], [predicted]) == pytest.approx(0.5, abs=1e-5)


@pytest.mark.parametrize(
    ("threshold", "expected"), [(0.5, 3 / 4), (0.7, 2 / 4), (0.0, 1.0), (0.99, 1 / 4)]
)
def test_iou_at_the_threshold_is_not_above_it(threshold, expected):
    assert measured(LocalizationAccuracy(threshold), [BOX] * 4, PREDICTED) == expected


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        (MeanBoxIoU("xywh"), "mean_iou"),
        (LocalizationAccuracy(0.8, "xywh"), "loc_acc_80"),
        (LocalizationAccuracy(0.85, "xywh", name="other"), "other"),
    ],
)
def test_metric_reloads_with_its_arguments(metric, name):
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    # As xywh 0.62 and 0.875, as xyxy 0.56 and 0.75.
    batch = [[4, 4, 8, 8]] * 2, [[5, 5, 8, 8], [4, 4, 8, 7]]
    assert again.name == metric.name == name
    assert 0 < measured(again, *batch) == measured(metric, *batch) < 1


def test_several_boxes_an_image_and_thresholds_out_of_range_are_refused():
    for shapes in ([(2, 3, 4), (2, 4)], [(2, 1, 4), (2, 3, 4)]):
        with pytest.raises(ValueError, match="one box an image: .*main object only"):
            MeanBoxIoU().update_state(*map(np.ones, shapes))
    for threshold in (-0.1, 1.0, 50):
        with pytest.raises(ValueError, match=r"`threshold` is an IoU .*\[0, 1\)"):
            LocalizationAccuracy(threshold)
