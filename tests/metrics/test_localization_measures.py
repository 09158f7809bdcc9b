import numpy as np
import pytest

from ssl_voc.metrics import (
    LocalizationAccuracy,
    MeanBoxIoU,
    measure_images,
    top_k_hits,
)
from tests import box_reference


def draw_predictions(num_images=80, num_classes=5, seed=0):
    random = np.random.default_rng(seed)
    objects = box_reference.random_boxes(random, num_images, 3)
    classes = random.integers(-1, num_classes, (num_images, 3))
    scores = random.normal(size=(num_images, num_classes))
    predicted = objects[:, 0] + random.normal(0, 5, (num_images, 4))
    return classes, objects, scores, predicted


def test_true_class_has_to_be_ahead():
    scores = [
        [0.1, 0.5, 0.4, 0.0],
        [0.1, 0.5, 0.4, 0.0],
        [0.2, 0.2, 0.2, 0.2],
        [0.9, 0.9, 0.1, 0.0],
        [np.nan, np.nan, np.nan, np.nan],
    ]
    classes = [1, 0, 0, 0, 0]
    assert top_k_hits(classes, scores, 1).tolist() == [1, 0, 0, 0, 0]
    assert top_k_hits(classes, scores, 2).tolist() == [1, 0, 0, 1, 0]
    assert top_k_hits(classes, scores, 3).tolist() == [1, 1, 0, 1, 0]


def test_measures_are_those_of_the_loops():
    classes, objects, scores, predicted = draw_predictions()
    measures = measure_images(
        classes[:, 0], objects[:, 0], scores, predicted, objects, classes
    )
    names = ["top1", "top3", "mean_iou", "loc_acc_50", "loc_acc_70", "corloc"]
    assert list(measures) == names
    for image in range(len(classes)):
        ious = [box_reference.iou(box, predicted[image]) for box in objects[image]]
        ranked = np.argsort(-scores[image]).tolist()
        target = classes[image, 0]
        expected = dict.fromkeys(names, np.nan)
        if target >= 0:
            expected["top1"] = target in ranked[:1]
            expected["top3"] = target in ranked[:3]
            expected["mean_iou"] = ious[0]
            expected["loc_acc_50"] = ious[0] > 0.5
            expected["loc_acc_70"] = ious[0] > 0.7
        real = [iou for iou, k in zip(ious, classes[image], strict=True) if k >= 0]
        if real:
            expected["corloc"] = max(real) > 0.5
        for name in names:
            wanted = float(expected[name])
            assert measures[name][image] == pytest.approx(wanted, nan_ok=True)
    assert np.isnan(measures["top1"]).any() and (classes[:, 0] == 0).any()


def test_iou_at_the_threshold_is_not_above_it():
    measures = measure_images(
        [0, 0, 0],
        [[0, 0, 10, 10]] * 3,
        np.ones((3, 2)),
        [[0, 0, 5, 10], [0, 0, 7, 10], [0, 0, 8, 10]],
    )
    assert measures["loc_acc_50"].tolist() == [0, 1, 1]
    assert measures["loc_acc_70"].tolist() == [0, 0, 1]
    assert "top3" not in measures  # of two classes


def test_class_plays_no_part_in_localization():
    classes, objects, scores, predicted = draw_predictions()
    targets = np.abs(classes[:, 0]), objects[:, 0]
    right = measure_images(*targets, np.eye(5)[targets[0]], predicted)
    wrong = measure_images(*targets, 1 - np.eye(5)[targets[0]], predicted)
    np.testing.assert_array_equal(right["loc_acc_50"], wrong["loc_acc_50"])
    assert right["top1"].mean() == 1.0 and wrong["top1"].mean() == 0.0


@pytest.mark.parametrize("class_index", [None, 0, 3])
def test_streaming_metrics_say_the_same(class_index):
    classes, objects, scores, predicted = draw_predictions()
    measures = measure_images(classes[:, 0], objects[:, 0], scores, predicted)
    where, chosen = None, slice(None)
    if class_index is not None:
        where, chosen = {"classes": class_index}, classes[:, 0] == class_index
    targets = {"boxes": objects[:, 0], "classes": classes[:, 0]}
    for metric in (
        MeanBoxIoU(where=where, name="mean_iou"),
        LocalizationAccuracy(0.5, where=where, name="loc_acc_50"),
        LocalizationAccuracy(0.7, where=where, name="loc_acc_70"),
    ):
        metric.update_state(targets, predicted)
        expected = np.nanmean(measures[metric.name][chosen])
        assert float(metric.result()) == pytest.approx(expected, abs=1e-5)


def test_predictions_of_other_images_are_refused():
    classes, objects, scores, predicted = draw_predictions(6)
    with pytest.raises(ValueError, match="of the same images.*5, 4"):
        measure_images(classes[:, 0], objects[:, 0], scores, predicted[:5])
    with pytest.raises(ValueError, match="class 9 and scores of 5"):
        measure_images([9] * 6, objects[:, 0], scores, predicted)
