import keras
import numpy as np
import pytest

from ssl_voc.metrics import CorLoc
from tests import box_reference

FOUR = {
    "boxes": [
        [[0, 0, 10, 10], [50, 50, 90, 90]],
        [[0, 0, 10, 10], [50, 50, 90, 90]],
        [[0, 0, 10, 10], [-1, -1, -1, -1]],
        [[-1, -1, -1, -1], [-1, -1, -1, -1]],
    ],
    "classes": [[0, 2], [0, 2], [0, -1], [-1, -1]],
}
# The first object, the second, half of it (not above 0.5), and one where there is none.
FOUND = [[0, 0, 9, 10], [51, 50, 90, 90], [0, 0, 5, 10], [-1, -1, -1, -1]]


def test_any_object_will_do_and_images_without_are_left_out():
    metric = CorLoc()
    metric.update_state(FOUR, FOUND)
    assert float(metric.result()) == pytest.approx(2 / 3)
    metric.reset_state()
    metric.update_state(np.array(FOUR["boxes"], "float32"), np.array(FOUND, "float32"))
    assert float(metric.result()) == pytest.approx(2 / 3)


def test_targets_that_are_main_objects_may_bring_all_along():
    main = {
        "boxes": [[[50, 50, 90, 90]], [[50, 50, 90, 90]], [[0, 0, 10, 10]], [[-1] * 4]],
        "classes": [[2], [2], [0], [-1]],
    }
    metric = CorLoc()
    metric.update_state(main, FOUND)
    # The first prediction found the other object.
    assert float(metric.result()) == pytest.approx(1 / 3)
    metric.reset_state()
    metric.update_state({**main, "all_objects": FOUR}, FOUND)
    assert float(metric.result()) == pytest.approx(2 / 3)


def test_objects_of_another_class_are_not_looked_for():
    for class_index, expected in ((0, 1 / 3), (2, 1 / 2)):
        metric = CorLoc(where={"classes": class_index})
        metric.update_state(FOUR, FOUND)
        assert float(metric.result()) == pytest.approx(expected)


def test_share_is_that_of_the_loops():
    random = np.random.default_rng(0)
    objects = box_reference.random_boxes(random, 60, 3)
    classes = random.integers(-1, 3, (60, 3))
    predicted = objects[:, 1] + random.normal(0, 8, (60, 4)).astype("float32")
    metric = CorLoc()
    metric.update_state({"boxes": objects, "classes": classes}, predicted)
    found = [
        any(
            box_reference.iou(box, guess) > 0.5
            for box, index in zip(boxes, indices, strict=True)
            if index >= 0
        )
        for boxes, indices, guess in zip(objects, classes, predicted, strict=True)
        if np.any(indices >= 0)
    ]
    assert float(metric.result()) == pytest.approx(np.mean(found), abs=1e-6)
    assert 0.05 < np.mean(found) < 0.95


def test_metric_reloads_with_its_arguments():
    metric = CorLoc(0.95, where={"classes": 0})
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    again.update_state(FOUR, FOUND)
    assert float(again.result()) == 0.0
    assert again.name == "corloc"
