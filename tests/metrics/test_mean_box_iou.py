import keras
import numpy as np
import pytest

from ssl_voc.metrics import MeanBoxIoU
from tests import box_reference


def measured(metric, *batch, **weights):
    metric.reset_state()
    metric.update_state(*batch, **weights)
    return float(metric.result())


def test_mean_is_that_of_the_loops_over_all_batches():
    random = np.random.default_rng(0)
    true, predicted = (box_reference.random_boxes(random, 30) for _ in range(2))
    metric = MeanBoxIoU()
    for part in (slice(0, 20), slice(20, 27), slice(27, 30)):
        metric.update_state(true[part, None], predicted[part])
    loops = [box_reference.iou(*pair) for pair in zip(true, predicted, strict=True)]
    assert float(metric.result()) == pytest.approx(np.mean(loops), abs=1e-6)
    assert np.mean(loops) > 0.05


def test_class_zero_counts_and_padding_does_not():
    targets = {
        "boxes": [[[0, 0, 10, 10]], [[0, 0, 10, 10]], [[-1, -1, -1, -1]]],
        "classes": [[0], [3], [-1]],
    }
    predicted = {"boxes": [[0, 0, 5, 10], [0, 0, 10, 10], [0, 0, 10, 10]]}
    # (0.5 + 1) / 2: the third image has no object.
    assert measured(MeanBoxIoU(), targets, predicted) == pytest.approx(0.75)
    assert measured(
        MeanBoxIoU(), targets["boxes"], predicted["boxes"]
    ) == pytest.approx(0.75)


def test_chosen_objects_alone_are_counted():
    targets = {
        "boxes": [[0, 0, 10, 10]] * 4,
        "classes": [0, 0, 1, -1],
        "truncated": [True, False, True, True],
    }
    predicted = [[0, 0, 10, 10], [0, 0, 5, 10], [0, 0, 2, 10], [0, 0, 10, 10]]
    for where, expected in (
        ({"classes": 0}, 0.75),
        ({"classes": 1}, 0.2),
        ({"truncated": True}, 0.6),
        ({"truncated": 0}, 0.5),
        ({"classes": 0, "truncated": 1}, 1.0),
        ({"classes": 7}, 0.0),
    ):
        metric = MeanBoxIoU(where=where)
        assert measured(metric, targets, predicted) == pytest.approx(expected), where
    assert MeanBoxIoU(where={"classes": 1}).name == "mean_iou_classes_1"


def test_weights_are_those_of_images():
    boxes = [[0, 0, 10, 10], [0, 0, 10, 10]], [[0, 0, 10, 10], [0, 0, 5, 10]]
    weighted = measured(MeanBoxIoU(), *boxes, sample_weight=[1.0, 3.0])
    assert weighted == pytest.approx((1 + 3 * 0.5) / 4)


def test_prediction_that_is_not_finite_overlaps_nothing():
    true = [[0, 0, 10, 10]] * 3
    predicted = [[np.nan, 0, 10, 10], [-np.inf, 0, np.inf, 10], [0, 0, 10, 10]]
    assert measured(MeanBoxIoU(), true, predicted) == pytest.approx(1 / 3)


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


def test_metric_reloads_with_its_arguments():
    metric = MeanBoxIoU("xywh", where={"classes": 1}, name="overlap")
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    targets = {"boxes": [[4, 4, 8, 8], [4, 4, 9, 9.0]], "classes": [1, 0]}
    predicted = [[5, 5, 8, 8.0], [4, 4, 9, 9]]
    assert measured(again, targets, predicted) == measured(metric, targets, predicted)
    assert again.name == "overlap"


def test_several_targets_an_image_are_refused():
    with pytest.raises(ValueError, match="one box an image: .*main object only"):
        MeanBoxIoU().update_state(np.ones((2, 3, 4)), np.ones((2, 4)))
    with pytest.raises(ValueError, match="one box an image"):
        MeanBoxIoU().update_state(np.ones((2, 1, 4)), np.ones((2, 3, 4)))


def test_targets_that_lack_an_entry_are_refused():
    metric = MeanBoxIoU(where={"truncated": 1})
    with pytest.raises(ValueError, match="must be a dictionary"):
        metric.update_state(np.ones((2, 4)), np.ones((2, 4)))
    targets = {"boxes": np.ones((2, 4)), "classes": np.ones(2)}
    with pytest.raises(ValueError, match='"truncated" of the targets. .*boxes, cl'):
        metric.update_state(targets, np.ones((2, 4)))
