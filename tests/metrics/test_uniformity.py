import numpy as np
import pytest

from ssl_voc.metrics import Uniformity
from tests import reference


def measure(a, b):
    metric = Uniformity()
    metric.update_state(np.asarray(a, "float32"), np.asarray(b, "float32"))
    return float(metric.result())


def test_uniformity_is_that_of_the_loops():
    a, b = np.random.default_rng(3).normal(size=(2, 9, 4))
    assert measure(a, b) == pytest.approx(reference.uniformity(a, b), rel=1e-5)


def test_collapse_gives_zero_and_orthogonal_projections_minus_four():
    assert measure(np.ones((5, 3)), np.ones((5, 3))) == pytest.approx(0.0, abs=1e-6)
    # d^2 = 2 for every pair: log(exp(-2 * 2)).
    assert measure(np.eye(5), np.eye(5)) == pytest.approx(-4.0, rel=1e-6)


def test_views_of_one_image_are_not_compared():
    # Far from each other across the sides, collapsed within each.
    assert measure(np.ones((4, 3)), -np.ones((4, 3))) == pytest.approx(0.0, abs=1e-6)


def test_mean_is_taken_over_the_pairs_of_all_batches_before_the_logarithm():
    metric = Uniformity()
    metric.update_state(*np.ones((2, 2, 3), "float32"))  # 4 pairs at distance 0
    metric.update_state(*np.stack([np.eye(3, dtype="float32")] * 2))  # 12 at d^2 = 2
    expected = np.log((4 * 1 + 12 * np.exp(-4)) / 16)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


def test_a_single_image_adds_no_pair():
    metric = Uniformity()
    metric.update_state(*np.stack([np.eye(3, dtype="float32")] * 2))
    metric.update_state(*np.ones((2, 1, 3), "float32"))
    assert float(metric.result()) == pytest.approx(-4.0, rel=1e-6)
