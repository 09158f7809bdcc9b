import numpy as np
import pytest

from ssl_voc.metrics import measure_images, top_k_hits
from tests import box_reference


def draw_predictions(num_images=80, num_classes=5, seed=0):
    """Classes and boxes of objects, the target first, scores and predicted boxes."""
    random = np.random.default_rng(seed)
    objects = box_reference.random_boxes(random, num_images, 3)
    classes = random.integers(-1, num_classes, (num_images, 3))
    classes[:, 0] = np.maximum(classes[:, 0], 0)
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
    for image, labels in enumerate(classes):
        ious = [box_reference.iou(box, predicted[image]) for box in objects[image]]
        ranked = np.argsort(-scores[image]).tolist()
        real = [iou for iou, label in zip(ious, labels, strict=True) if label >= 0]
        expected = (
            labels[0] in ranked[:1],
            labels[0] in ranked[:3],
            ious[0],
            ious[0] > 0.5,
            ious[0] > 0.7,
            max(real) > 0.5,
        )
        for name, value in zip(names, expected, strict=True):
            assert measures[name][image] == pytest.approx(float(value)), name
    assert (classes == -1).any() and (classes[:, 0] == 0).any()


def test_iou_at_the_threshold_is_not_above_it():
    measures = measure_images(
        [0, 0, 0],
        [[0, 0, 10, 10]] * 3,
        np.ones((3, 2)),
        [[0, 0, 5, 10], [0, 0, 7, 10], [0, 0, 8, 10]],
    )
    assert measures["loc_acc_50"].tolist() == [0, 1, 1]
    assert measures["loc_acc_70"].tolist() == [0, 0, 1]


def test_predictions_of_other_images_are_refused():
    classes, objects, scores, predicted = draw_predictions(6)
    with pytest.raises(ValueError, match="of the same images.*5, 4"):
        measure_images(classes[:, 0], objects[:, 0], scores, predicted[:5])
    with pytest.raises(ValueError, match="class 9 and scores of 5"):
        measure_images([9] * 6, objects[:, 0], scores, predicted)
