"""Boxes of thresholded maps against a flood fill, thresholds from other images."""

import numpy as np
import pytest

from ssl_voc.heat_maps import (
    boxes_at_thresholds,
    cross_validated_iou,
    ious_at_thresholds,
)


def largest_part_by_flood(mask):
    """The box of the largest part, found cell by cell."""
    seen, best = np.zeros_like(mask), []
    for start in zip(*np.nonzero(mask), strict=True):
        if seen[start]:
            continue
        part, waiting = [], [start]
        seen[start] = True
        while waiting:
            i, j = waiting.pop()
            part.append((i, j))
            for y, x in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)):
                inside = 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]
                if inside and mask[y, x] and not seen[y, x]:
                    seen[y, x] = True
                    waiting.append((y, x))
        if len(part) > len(best):
            best = part
    rows, columns = np.array(best).T
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("seed", range(25))
def test_boxes_are_those_of_a_flood_fill(seed):
    random = np.random.default_rng(seed)
    heat = random.random((17, 23))
    if seed % 2:  # smooth: few parts, long and winding
        for axis in (0, 1):
            heat = heat + np.roll(heat, 1, axis) + np.roll(heat, 2, axis)
    thresholds = (0.3, 0.45, 0.6, 0.8)
    scaled = (heat - heat.min()) / np.ptp(heat)
    expected = [largest_part_by_flood(scaled >= value) for value in thresholds]
    np.testing.assert_array_equal(boxes_at_thresholds(heat, thresholds), expected)


def test_a_spiral_is_one_part():
    rows = ["#######", "......#", "#####.#", "#...#.#", "#.###.#", "#.....#", "#######"]
    mask = np.array([[cell == "#" for cell in row] for row in rows], "float64")
    np.testing.assert_array_equal(boxes_at_thresholds(mask, [0.5]), [[0, 0, 7, 7]])
    mask[6, 6] = mask[5, 6] = 0.0
    mask[0, 3] = 0.0
    # Its arms, apart: the inner one is longer.
    expected = [largest_part_by_flood(mask > 0.5)]
    np.testing.assert_array_equal(boxes_at_thresholds(mask, [0.5]), expected)


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
