"""NT-Xent against the paper's loops."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.losses import NTXentLoss, nt_xent
from tests import reference
from tests.dtype_policies import dtype_policy
from tests.gradients import gradient_of
from tests.losses.pairs import draw_pair


@pytest.mark.parametrize("temperature", [0.05, 0.1, 0.5, 1.0, 10.0])
@pytest.mark.parametrize("batch_size", [2, 3, 6])
def test_loss_is_that_of_the_papers_loops(batch_size, temperature):
    pair = draw_pair(batch_size)
    expected = reference.nt_xent(*pair, temperature)
    for loss in (nt_xent(*pair, temperature), NTXentLoss(temperature)(*pair)):
        np.testing.assert_allclose(loss, expected, rtol=1e-5, atol=1e-6)


def test_two_orthogonal_pairs_have_the_loss_worked_out_by_hand():
    # Each view sees its partner at cosine 1 and two others at 0, so the loss is
    # -log(e / (e + 1 + 1)) = log(e + 2) - 1 = 0.551444713932 at temperature 1.
    axes = np.eye(2, dtype="float32")
    np.testing.assert_allclose(nt_xent(axes, axes, 1.0), 0.551444713932, rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_identical_views_give_log_of_candidates(temperature):
    same = np.ones((4, 8), "float32")
    # All 2 * 4 - 1 candidates are equally close.
    loss = NTXentLoss(temperature)(same, same)
    np.testing.assert_allclose(loss, np.log(7.0), rtol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2, 1536, np.int32(8)])
def test_chance_level_is_log_of_candidates(batch_size):
    chance = NTXentLoss().chance_level(ops.convert_to_tensor(batch_size))
    np.testing.assert_allclose(chance, np.log(2 * batch_size - 1), rtol=1e-6)
    np.testing.assert_allclose(NTXentLoss().chance_level(batch_size), chance)


def test_loss_does_not_depend_on_the_order_of_views_or_the_length_of_projections():
    a, b = draw_pair()
    loss = float(nt_xent(a, b, 0.2))
    lengths = np.linspace(0.1, 90, len(a), dtype="float32")[:, None]
    order = [3, 0, 5, 1, 4, 2]
    np.testing.assert_allclose(nt_xent(b, a, 0.2), loss, rtol=1e-6)
    np.testing.assert_allclose(nt_xent(a * lengths, b / lengths, 0.2), loss, rtol=1e-5)
    np.testing.assert_allclose(nt_xent(a[order], b[order], 0.2), loss, rtol=1e-6)


def test_loss_grows_when_partners_are_swapped():
    a, b = draw_pair(noise=0.1)
    assert float(nt_xent(a, np.roll(b, 1, axis=0), 0.2)) > 3 * float(nt_xent(a, b, 0.2))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("temperature", [0.02, 0.1])
def test_half_precision_is_finite_and_close(dtype, temperature):
    halves = [ops.cast(side, dtype) for side in draw_pair()]
    # What the loss should make of the rounded projections.
    rounded = [ops.convert_to_numpy(ops.cast(side, "float32")) for side in halves]
    loss = float(NTXentLoss(temperature)(*halves))
    np.testing.assert_allclose(loss, reference.nt_xent(*rounded, temperature), 1e-4)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_loss_ignores_the_global_policy(policy):
    pair = draw_pair()
    with dtype_policy(policy):
        loss = NTXentLoss(0.1)(*pair)
    np.testing.assert_allclose(loss, reference.nt_xent(*pair, 0.1), rtol=1e-5)


def test_gradient_is_that_of_finite_differences():
    a, b = draw_pair(batch_size=3, dimensions=4)
    gradient = gradient_of(lambda z: NTXentLoss(0.3)(z, b), a)
    step = 1e-5  # of the float64 loops
    for index in np.ndindex(3, 4):
        above, below = np.float64(a), np.float64(a)
        above[index] += step
        below[index] -= step
        losses = [reference.nt_xent(z, b, 0.3) for z in (above, below)]
        slope = (losses[0] - losses[1]) / (2 * step)
        np.testing.assert_allclose(gradient[index], slope, rtol=1e-3, atol=1e-5)
    # Of b as of a: the loss does not depend on their order.
    other = gradient_of(lambda z: NTXentLoss(0.3)(b, z), a)
    np.testing.assert_allclose(other, gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_gradient_of_collapsed_and_of_zero_projections_is_finite(value):
    projections = np.full((4, 8), value, "float32")
    gradient = gradient_of(lambda z: NTXentLoss(0.1)(z, z + 0.0), projections)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("temperature", [0, -0.1, float("nan")])
def test_temperature_must_be_positive(temperature):
    with pytest.raises(ValueError, match="`temperature`"):
        NTXentLoss(temperature)


def test_projections_of_two_batch_sizes_are_refused():
    with pytest.raises(ValueError, match="`projections_b`"):
        nt_xent(np.ones((4, 8), "float32"), np.ones((3, 8), "float32"), 0.1)


def test_loss_made_from_its_config_computes_the_same():
    loss = NTXentLoss(0.37, name="contrast", reduction="sum")
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    )
    pair = draw_pair()
    assert float(again(*pair)) == float(loss(*pair))
    # The sum over 6 pairs instead of their mean.
    expected = 6 * reference.nt_xent(*pair, 0.37)
    np.testing.assert_allclose(again(*pair), expected, rtol=1e-5)
    assert again.name == "contrast"
