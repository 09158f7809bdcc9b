import numpy as np
import pytest

from ssl_voc.metrics import Alignment, Uniformity
from tests import reference

AXES = np.eye(4, dtype="float32")
ONES = np.ones((4, 4), "float32")


def measure(metric, *batches):
    for a, b in batches:
        metric.update_state(np.asarray(a, "float32"), np.asarray(b, "float32"))
    return float(metric.result())


@pytest.mark.parametrize("kind", [Alignment, Uniformity])
def test_measure_is_that_of_the_loops(kind):
    a, b = np.random.default_rng(2).normal(size=(2, 9, 4))
    expected = getattr(reference, kind.__name__.lower())(a, b)
    assert measure(kind(), (a, b)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("kind", "batches", "expected"),
    [
        (Alignment, [(AXES, 3 * AXES)], 0.0),  # |u - u|^2
        (Alignment, [(AXES, -AXES)], 4.0),  # |u + u|^2
        (Alignment, [(AXES, AXES[::-1])], 2.0),  # 1 + 1
        # Pairs, not batches, are averaged: (4 + 0 + 0 + 0) / 4.
        (Alignment, [(AXES[:1], -AXES[:1]), (AXES[1:], AXES[1:])], 1.0),
        (Uniformity, [(ONES, ONES)], 0.0),
        # d^2 = 2 for every pair: log(exp(-2 * 2)).
        (Uniformity, [(AXES, AXES)], -4.0),
        # Views of one image are far apart, and not compared.
        (Uniformity, [(ONES, -ONES)], 0.0),
        # 4 pairs at distance 0, 12 at d^2 = 2; the logarithm comes last.
        (
            Uniformity,
            [(ONES[:2], ONES[:2]), (AXES[:3], AXES[:3])],
            np.log((4 * 1 + 12 * np.exp(-4)) / 16),
        ),
        # One image makes no pair.
        (Uniformity, [(AXES, AXES), (ONES[:1], ONES[:1])], -4.0),
        (Uniformity, [(ONES[:1], ONES[:1])], np.nan),
    ],
)
def test_golden_projections(kind, batches, expected):
    expected = pytest.approx(expected, rel=1e-5, abs=1e-6, nan_ok=True)
    assert measure(kind(), *batches) == expected


@pytest.mark.parametrize("kind", [Alignment, Uniformity])
def test_shapes_that_do_not_pair_are_refused(kind):
    with pytest.raises(ValueError, match="must both have shape"):
        kind().update_state(np.ones((4, 8)), np.ones((3, 8)))
