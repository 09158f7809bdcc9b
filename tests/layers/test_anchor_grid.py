import keras
import numpy as np
import pytest

from ssl_voc.layers import AnchorGrid
from tests import box_reference


def test_anchors_are_those_of_keras_cv_in_its_order():
    keras_cv = pytest.importorskip("keras_cv")
    arguments = {
        "sizes": [16.0, 40.0, 70.0],
        "strides": [8, 16, 32],
        "scales": [1.0, 2 ** (1 / 3)],
        "aspect_ratios": [0.5, 1.0, 2.0, 3.0],
    }
    theirs = keras_cv.layers.AnchorGenerator(bounding_box_format="xyxy", **arguments)
    # 100 is no multiple of the strides: rows and columns are rounded up.
    expected = np.concatenate(
        [np.asarray(level) for level in theirs(image_shape=(100, 72, 3)).values()]
    )
    found = AnchorGrid(**arguments).boxes((100, 72))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_anchors_of_a_cell_have_the_sides_of_the_paper():
    grid = AnchorGrid([8.0], [8], scales=[1.0], aspect_ratios=[4.0, 1.0])
    # Area 64 at width : height 4 : 1 is 16 x 4; the cell's center is (4, 4).
    np.testing.assert_allclose(
        grid.boxes((8, 8)), [[-4.0, 2.0, 12.0, 6.0], [0.0, 0.0, 8.0, 8.0]], atol=1e-5
    )
    assert grid.num_per_cell == 2


def test_best_ious_are_the_largest_of_all_anchors():
    grid = AnchorGrid([16.0, 32.0], [8, 16])
    boxes = box_reference.random_boxes(np.random.default_rng(0), 130, size=64)
    found = grid.best_ious(boxes, (64, 64))
    anchors = grid.boxes((64, 64))
    for index in (0, 50, 99, 100, 129):  # on both sides of where it works in parts
        expected = max(box_reference.iou(boxes[index], anchor) for anchor in anchors)
        assert found[index] == pytest.approx(expected, abs=1e-5)


def test_fitted_anchors_suit_small_objects_better_than_the_defaults():
    random = np.random.default_rng(0)
    starts = random.uniform(0, 140, (200, 2))
    sides = random.uniform(8, 20, (200, 1)) * [[1.0, 1.8]]
    boxes = np.concatenate([starts, starts + sides], axis=1)
    default = AnchorGrid().best_ious(boxes, (160, 160))
    fitted = AnchorGrid.fitted_to(boxes, (160, 160))
    found = fitted.best_ious(boxes, (160, 160))
    assert np.mean(default >= 0.5) < 0.3
    assert np.mean(found >= 0.5) > 0.6


def test_fitted_anchors_take_the_shape_of_the_objects():
    random = np.random.default_rng(0)
    starts = random.uniform(0, 100, (100, 2))
    sides = random.uniform(12, 16, (100, 1)) * [[1.0, 4.0]]
    boxes = np.concatenate([starts, starts + sides], axis=1)
    assert min(AnchorGrid.fitted_to(boxes, (160, 160)).aspect_ratios) < 0.3


def test_fitted_anchors_are_the_same_again():
    boxes = box_reference.random_boxes(np.random.default_rng(1), 1500, size=160)
    configs = [AnchorGrid.fitted_to(boxes, (160, 160)).get_config() for _ in range(2)]
    assert configs[0] == configs[1]


def test_boxes_without_area_fit_nothing_and_are_left_out():
    boxes = np.array([[10.0, 10.0, 40.0, 40.0], [-1.0, -1.0, -1.0, -1.0]])
    assert (
        AnchorGrid.fitted_to(boxes, (64, 64)).get_config()
        == AnchorGrid.fitted_to(boxes[:1], (64, 64)).get_config()
    )
    with pytest.raises(ValueError, match="at least one box with an area"):
        AnchorGrid.fitted_to(boxes[1:], (64, 64))


def test_a_grid_survives_serialization():
    grid = AnchorGrid([10.0], [8], [1.0], [0.7])
    config = keras.saving.serialize_keras_object(grid)
    again = keras.saving.deserialize_keras_object(config)
    np.testing.assert_array_equal(again.boxes((32, 32)), grid.boxes((32, 32)))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"sizes": [8.0], "strides": [8, 16]}, "for each level"),
        ({"sizes": [0.0], "strides": [8]}, "`sizes` must be positive"),
        ({"scales": []}, "`scales` must be positive numbers, at least one"),
    ],
)
def test_wrong_grids_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        AnchorGrid(**arguments)
