"""Decoupled contrastive loss against the paper's loops."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.losses import DCLLoss, nt_xent
from tests import reference
from tests.gradients import gradient_of
from tests.losses.pairs import draw_pair


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("temperature", [0.05, 0.1, 1.0])
@pytest.mark.parametrize("batch_size", [2, 3, 6])
def test_loss_is_that_of_the_papers_loops(batch_size, temperature, smoothing):
    pair = draw_pair(batch_size)
    expected = reference.dcl(*pair, temperature, smoothing)
    loss = DCLLoss(temperature, smoothing)(*pair)
    np.testing.assert_allclose(loss, expected, rtol=1e-5, atol=1e-5)


def test_two_orthogonal_pairs_have_the_loss_worked_out_by_hand():
    # Two negatives at cosine 0, the positive at 1: log(1 + 1) - 1.
    axes = np.eye(2, dtype="float32")
    np.testing.assert_allclose(DCLLoss(1.0)(axes, axes), np.log(2.0) - 1.0, rtol=1e-6)
    # A quarter of the target on the negatives: log(2) - (3 / 4 * 1 + 1 / 4 * 0).
    smoothed = DCLLoss(1.0, 0.25)(axes, axes)
    np.testing.assert_allclose(smoothed, np.log(2.0) - 0.75, rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_a_model_that_knows_nothing_scores_the_chance_level(smoothing):
    same = np.ones((4, 8), "float32")
    loss = DCLLoss(0.1, smoothing)
    # All 2 * 4 - 2 negatives are as near as the positive.
    np.testing.assert_allclose(loss(same, same), np.log(6.0), rtol=1e-5)
    np.testing.assert_allclose(loss.chance_level(ops.convert_to_tensor(4)), np.log(6.0))


def test_the_gradient_of_a_found_pair_does_not_vanish_as_nt_xents_does():
    far = np.float32([[1, 0, 0], [0, 1, 0]])
    near = far + np.float32([[0, 0, 0.3], [0, 0, 0.3]])
    decoupled = gradient_of(lambda z: DCLLoss(0.1)(z, far), near)
    coupled = gradient_of(lambda z: nt_xent(z, far, 0.1), near)
    assert np.abs(decoupled).max() > 100 * np.abs(coupled).max()


def test_an_image_without_rivals_costs_nothing_and_has_no_gradient():
    alone, _ = draw_pair(batch_size=1)
    assert float(DCLLoss(0.1)(alone, alone)) == 0.0
    assert float(DCLLoss(0.1).chance_level(1)) == 0.0
    gradient = gradient_of(lambda z: DCLLoss(0.1, 0.2)(z, alone), alone)
    assert not gradient.any()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_gradient_of_collapsed_and_of_zero_projections_is_finite(value):
    projections = np.full((4, 8), value, "float32")
    gradient = gradient_of(lambda z: DCLLoss(0.1, 0.2)(z, z + 0.0), projections)
    assert np.isfinite(gradient).all()


def test_loss_of_projections_that_are_nan_is_nan():
    nothing = np.full((4, 8), np.nan, "float32")
    assert np.isnan(float(DCLLoss(0.1)(nothing, nothing)))


def test_half_precision_is_that_of_the_rounded_projections():
    halves = [ops.cast(side, "float16") for side in draw_pair()]
    rounded = [ops.convert_to_numpy(ops.cast(side, "float32")) for side in halves]
    expected = reference.dcl(*rounded, 0.1, 0.1)
    np.testing.assert_allclose(DCLLoss(0.1, 0.1)(*halves), expected, rtol=1e-4)


def test_smoothing_can_be_changed_and_is_saved_as_the_number_it_has():
    pair = draw_pair()
    smoothing = keras.Variable(0.2, trainable=False)
    loss = DCLLoss(0.1, smoothing)
    before = float(loss(*pair))
    smoothing.assign(0.0)
    np.testing.assert_allclose(loss(*pair), DCLLoss(0.1)(*pair), rtol=1e-6)
    assert float(loss(*pair)) != before
    again = DCLLoss.from_config(loss.get_config())
    assert (again.temperature, again.smoothing) == (0.1, 0.0)


@pytest.mark.parametrize("temperature", [0, -0.1, float("nan")])
def test_temperature_must_be_positive(temperature):
    with pytest.raises(ValueError, match="`temperature`"):
        DCLLoss(temperature)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_smoothing_must_be_a_share(smoothing):
    with pytest.raises(ValueError, match="`smoothing`"):
        DCLLoss(0.1, smoothing)
