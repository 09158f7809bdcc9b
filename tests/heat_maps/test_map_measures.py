"""Measures of maps beside boxes, with their arithmetic."""

import numpy as np
import pytest

from ssl_voc.heat_maps import (
    box_weights,
    cross_validated_iou,
    ious_at_thresholds,
    measure_map,
    rank_correlation,
)


def test_measures_of_a_map_by_hand():
    heat = np.zeros((4, 5))
    heat[1, 1], heat[2, 2], heat[0, 4], heat[3, 0] = 8.0, 5.0, 6.0, 1.0
    found = measure_map(heat, (1, 1, 3, 3))
    assert found["pointing"] == 1.0
    assert found["energy"] == pytest.approx((8 + 5) / 20)
    assert found["box_share"] == pytest.approx(4 / 20)
    # Above 4: two of the box's four pixels, one of the sixteen others.
    assert found["coverage"] == pytest.approx(2 / 4)
    assert found["spill"] == pytest.approx(1 / 16)
    assert measure_map(heat, (3, 0, 5, 2))["pointing"] == 0.0
    # Of a box between pixels, shares of them count.
    found = measure_map(np.array([[1.0, 3.0]]), (0.5, 0.0, 1.5, 1.0))
    assert found["energy"] == pytest.approx((0.5 * 1 + 0.5 * 3) / 4)
    assert found["box_share"] == pytest.approx(0.5)
    # The maximum's pixel lies in the box by half.
    assert found["pointing"] == pytest.approx(0.5)


def test_box_weights_are_those_of_a_fine_grid():
    box = (0.3, -2.0, 2.75, 1.6)
    places = (np.arange(400) + 0.5) / 100
    inside = (
        (places > box[1]) & (places < box[3]),
        (places > box[0]) & (places < box[2]),
    )
    expected = np.outer(*inside).reshape(4, 100, 4, 100).mean(axis=(1, 3))
    np.testing.assert_allclose(box_weights((4, 4), box), expected, atol=0.011)


def test_a_map_that_knows_nothing_is_at_chance():
    box = (1, 0, 4, 3)
    for heat in (np.zeros((5, 6)), np.full((5, 6), 2.0)):
        found = measure_map(heat, box)
        assert found["pointing"] == found["energy"] == found["box_share"] == 9 / 30
    assert measure_map(np.zeros((5, 6)), box)["coverage"] == 0.0
    assert measure_map(np.ones((5, 6)), box)["coverage"] == 1.0
    assert np.isnan(measure_map(np.ones((5, 6)), (0, 0, 6, 5))["spill"])


@pytest.mark.parametrize(
    ("heat", "box", "message"),
    [
        (-np.ones((2, 2)), (0, 0, 1, 1), "not negative"),
        (np.full((2, 2), np.nan), (0, 0, 1, 1), "finite"),
        (np.ones((2, 2)), (2, 0, 3, 1), "share area"),
    ],
)
def test_what_cannot_be_measured_is_told(heat, box, message):
    with pytest.raises(ValueError, match=message):
        measure_map(heat, box)


@pytest.mark.parametrize(
    ("rows", "box"),
    [
        (["##.", "..#", "..."], (0, 0, 2, 1)),  # corners do not touch
        (["#.#", "#.#", "..."], (0, 0, 1, 2)),  # of equal parts the first
        (["#.#", "#.#", "..#"], (2, 0, 3, 3)),
        (["#####", "....#", "###.#", "#...#", "#####"], (0, 0, 5, 5)),  # a spiral
    ],
)
def test_box_of_a_map_is_that_of_the_largest_part_whose_sides_touch(rows, box):
    heat = np.array([[cell == "#" for cell in row] for row in rows], "float64")
    # Shares of the range: 3 to 5.
    assert ious_at_thresholds(2 * heat + 3, box, [0.5]) == [1.0]


def test_iou_at_thresholds_by_hand():
    heat = np.zeros((4, 4))
    heat[:2, :2], heat[0, 0], heat[3, 3] = 0.5, 1.0, 0.9
    found = ious_at_thresholds(heat, (0, 0, 2, 2), (0.4, 0.95))
    np.testing.assert_allclose(found, [1.0, 1 / 4])
    np.testing.assert_array_equal(ious_at_thresholds(np.ones((3, 3)), (0, 0, 2, 2)), 0)


def test_no_image_chooses_its_own_threshold():
    # Alone, each image would take the threshold that is best for it.
    chosen, _ = cross_validated_iou([[0.9, 0.1], [0.1, 0.9]])
    np.testing.assert_allclose(chosen, [0.1, 0.1])
    # One odd image among many gets what suits the others.
    ious = np.tile([0.2, 0.6], (9, 1))
    ious[4] = [1.0, 0.0]
    chosen, indices = cross_validated_iou(ious, seed=3)
    np.testing.assert_array_equal(indices, 1)
    assert chosen[4] == 0.0 and (np.delete(chosen, 4) == 0.6).all()
    assert cross_validated_iou([[0.1, 0.2, 0.3]])[0] == 0.2


def test_rank_correlation_is_that_of_ranks():
    a = np.array([[1.0, 10.0], [2.0, 1000.0]])
    assert rank_correlation(a, np.exp(-a)) == pytest.approx(-1.0)
    assert rank_correlation(a, a**3) == pytest.approx(1.0)
    # Ranks 1, 3, 2, 4 and 1.5, 1.5, 3, 4: covariance 3, variances 5 and 4.5.
    b = np.array([[0.0, 0.0], [5.0, 6.0]])
    assert rank_correlation(a, b) == pytest.approx(3 / np.sqrt(5 * 4.5))
    assert rank_correlation(a, np.ones((2, 2))) == 0.0
