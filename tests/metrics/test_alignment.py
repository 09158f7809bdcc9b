import numpy as np
import pytest

from ssl_voc.metrics import Alignment
from tests import reference


def measure(a, b):
    metric = Alignment()
    metric.update_state(np.asarray(a, "float32"), np.asarray(b, "float32"))
    return float(metric.result())


def test_alignment_is_that_of_the_loops():
    a, b = np.random.default_rng(2).normal(size=(2, 9, 4))
    assert measure(a, b) == pytest.approx(reference.alignment(a, b), rel=1e-5)


def test_equal_opposite_and_orthogonal_pairs():
    axes = np.eye(4)
    assert measure(axes, 3 * axes) == pytest.approx(0.0, abs=1e-6)  # |u - u|^2
    assert measure(axes, -axes) == pytest.approx(4.0)  # |u + u|^2
    assert measure(axes, np.roll(axes, 1, axis=0)) == pytest.approx(2.0)  # 1 + 1


def test_batches_are_averaged_by_their_pairs():
    axes = np.eye(4, dtype="float32")
    metric = Alignment()
    metric.update_state(axes[:1], -axes[:1])
    metric.update_state(axes[1:], axes[1:])
    assert float(metric.result()) == pytest.approx(4 / 4)  # (4 + 0 + 0 + 0) / 4


def test_shapes_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match="must both have shape"):
        Alignment().update_state(np.ones((4, 8)), np.ones((3, 8)))
