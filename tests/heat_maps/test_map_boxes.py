"""Boxes of thresholded maps, and thresholds from other images."""

import numpy as np
import pytest

from ssl_voc.heat_maps import (
    boxes_at_thresholds,
    cross_validated_iou,
    ious_at_thresholds,
)


@pytest.mark.parametrize(
    ("rows", "box"),
    [
        (["##.", "..#", "..."], (0, 0, 2, 1)),  # corners do not touch
        (["#.#", "#.#", "..."], (0, 0, 1, 2)),  # of equal parts the first
        (["#.#", "#.#", "..#"], (2, 0, 3, 3)),
        (["#####", "....#", "###.#", "#...#", "#####"], (0, 0, 5, 5)),  # a spiral
    ],
)
def test_box_is_that_of_the_largest_part_whose_sides_touch(rows, box):
    heat = np.array([[cell == "#" for cell in row] for row in rows], "float64")
    # Shares of the range: 3 to 5.
    np.testing.assert_array_equal(boxes_at_thresholds(2 * heat + 3, [0.5]), [box])


def test_iou_at_thresholds_by_hand():
    heat = np.zeros((4, 4))
    heat[:2, :2], heat[0, 0], heat[3, 3] = 0.5, 1.0, 0.9
    found = ious_at_thresholds(heat, (0, 0, 2, 2), (0.4, 0.95))
    np.testing.assert_allclose(found, [1.0, 1 / 4])
    np.testing.assert_array_equal(ious_at_thresholds(np.ones((3, 3)), (0, 0, 2, 2)), 0)


def test_no_image_chooses_its_own_threshold():
    # Alone, each image would take the threshold that is best for it.
    ious = np.array([[0.9, 0.1], [0.1, 0.9]])
    chosen, _ = cross_validated_iou(ious)
    np.testing.assert_allclose(chosen, [0.1, 0.1])
    # One odd image among many gets what suits the others.
    ious = np.tile([0.2, 0.6], (9, 1))
    ious[4] = [1.0, 0.0]
    chosen, indices = cross_validated_iou(ious, seed=3)
    np.testing.assert_array_equal(indices, 1)
    assert chosen[4] == 0.0 and (np.delete(chosen, 4) == 0.6).all()
    assert cross_validated_iou(np.array([[0.1, 0.2, 0.3]]))[0] == 0.2
