"""Spatial rank and the gap of matched cells, against loops."""

import math

import numpy as np
import pytest

from ssl_voc.metrics import cell_match_gap, effective_rank, spatial_rank
from tests import reference


def draw_maps(num_photos=3, rows=2, columns=4, channels=6, seed=0):
    shape = num_photos, rows, columns, channels
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("channels", [3, 40])
def test_spatial_rank_is_the_mean_of_the_ranks_of_each_photo(channels):
    maps = draw_maps(channels=channels)
    ranks = [effective_rank(photo.reshape(8, channels)) for photo in maps]
    assert spatial_rank(maps) == pytest.approx(np.mean(ranks), rel=1e-4)


def test_rank_is_one_where_a_photo_has_one_feature_and_that_of_its_cells_at_most():
    # The photos differ from each other, but not their cells.
    same = np.broadcast_to(draw_maps(rows=1, columns=1), (3, 3, 3, 6))
    assert spatial_rank(same) == pytest.approx(1.0, abs=1e-3)
    apart = np.eye(6).reshape(1, 2, 3, 6)
    assert spatial_rank(apart) == pytest.approx(6.0, rel=1e-4)
    assert spatial_rank(np.zeros((2, 2, 2, 3))) == 1.0


def test_gap_is_that_of_the_loops():
    maps_a, maps_b = draw_maps(seed=1), draw_maps(seed=2)
    matches = np.random.default_rng(3).random((3, 8, 8)) < 0.2
    matched, others = [], []
    for photo in range(3):
        for i, cell_a in enumerate(maps_a[photo].reshape(8, 6)):
            for j, cell_b in enumerate(maps_b[photo].reshape(8, 6)):
                side = matched if matches[photo, i, j] else others
                side.append(reference.cosine(cell_a, cell_b))
    expected = np.mean(matched) - np.mean(others)
    assert cell_match_gap(maps_a, maps_b, matches) == pytest.approx(expected, rel=1e-5)


def test_gap_is_one_of_features_that_name_their_place_and_zero_of_constant_ones():
    named = np.eye(9).reshape(1, 3, 3, 9)
    matches = np.eye(9, dtype=bool)[None]
    assert cell_match_gap(named, named, matches) == pytest.approx(1.0)
    constant = np.ones((1, 3, 3, 9))
    assert cell_match_gap(constant, constant, matches) == pytest.approx(0.0)


def test_overflow_and_missing_pairs_give_nan():
    maps = draw_maps()
    matches = np.eye(8, dtype=bool)[None].repeat(3, axis=0)
    broken = maps.copy()
    broken[0, 0, 0, 0] = np.inf
    assert math.isnan(spatial_rank(broken))
    with np.errstate(invalid="ignore"):
        assert math.isnan(cell_match_gap(broken, maps, matches))
    for same in (np.zeros_like(matches), np.ones_like(matches)):
        assert math.isnan(cell_match_gap(maps, maps, same))


def test_maps_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="Received: shape="):
        spatial_rank(np.ones((4, 6)))
