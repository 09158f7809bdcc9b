"""`ProjectionSpread` against loops, from a collapse to the corners of a space."""

import math

import numpy as np
import pytest

from ssl_voc.metrics import ProjectionSpread


def spread(*batches):
    metric = ProjectionSpread()
    for pair in batches:
        metric.update_state(*np.asarray(pair, "float32"))
    return float(metric.result())


def test_spread_is_that_of_the_loops():
    pair = np.random.default_rng(0).normal(0.5, 1.0, (2, 7, 5))
    expected = 0.0
    for side in pair:
        units = [row / math.sqrt(sum(row**2)) for row in side]
        for dimension in range(5):
            column = [unit[dimension] for unit in units]
            mean = sum(column) / 7
            variance = sum((value - mean) ** 2 for value in column) / 7
            expected += math.sqrt(variance) * math.sqrt(5) / 5 / 2
    assert spread(pair) == pytest.approx(expected, rel=1e-5)


def test_projections_of_one_direction_have_none_and_those_of_all_directions_have_1():
    lengths = np.arange(1.0, 7.0)[:, None]
    collapsed = lengths * np.float32([[1.0, -2.0, 3.0]])
    assert spread((collapsed, -collapsed)) == pytest.approx(0.0, abs=1e-3)
    # The corners of an octahedron: variance 2 / 6 in each of 3 dimensions.
    corners = np.concatenate([np.eye(3), -np.eye(3)])
    assert spread((corners, corners)) == pytest.approx(1.0, rel=1e-5)
    # Views and batches are averaged.
    assert spread((corners, collapsed)) == pytest.approx(0.5, abs=1e-3)
