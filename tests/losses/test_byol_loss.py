"""BYOL's loss against the paper's distance of unit vectors, one pair at a time."""

import numpy as np
import pytest
from keras import ops

from ssl_voc.losses import BYOLLoss, byol
from tests.gradients import gradient_of
from tests.losses.pairs import draw_pair


def test_loss_is_the_distance_of_the_loops():
    targets, predictions = draw_pair()
    expected = []
    for target, prediction in zip(targets, predictions, strict=True):
        unit = target / np.sqrt(np.sum(target.astype("float64") ** 2))
        other = prediction / np.sqrt(np.sum(prediction.astype("float64") ** 2))
        expected.append(sum((x - y) ** 2 for x, y in zip(unit, other, strict=True)))
    np.testing.assert_allclose(byol(targets, predictions), expected, rtol=1e-5)
    loss = BYOLLoss()(targets, predictions)
    np.testing.assert_allclose(loss, np.mean(expected), rtol=1e-5)


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [((2.0, 0.0), 0.0), ((0.0, 5.0), 2.0), ((-1.0, 0.0), 4.0)],
)
def test_same_unrelated_and_opposite_directions(prediction, expected):
    found = byol(np.float32([[3.0, 0.0]]), np.float32([prediction]))
    np.testing.assert_allclose(found, [expected], atol=1e-6)


def test_gradient_at_the_target_and_at_zero_is_finite():
    target = np.ones((3, 4), "float32")
    for prediction in (target, 0.0 * target):
        slope = gradient_of(lambda z: ops.mean(byol(target, z)), prediction)
        assert np.isfinite(slope).all()


def test_vectors_that_are_no_pairs_are_refused():
    with pytest.raises(ValueError, match="same shape|one shape|must both have shape"):
        byol(np.ones((3, 4), "float32"), np.ones((3, 5), "float32"))
