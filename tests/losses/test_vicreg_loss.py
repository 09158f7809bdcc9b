"""VICReg against the paper's terms, one number at a time."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.losses import VICRegLoss, vicreg_loss
from tests import reference
from tests.gradients import gradient_of

WEIGHTS = (25.0, 25.0, 1.0)
COLLAPSED = 1.0 - 1e-2  # one minus the root of what is added to a variance of 0


def draw_pair(batch_size=6, dimensions=5, scale=0.7, seed=0):
    """Projections whose dimensions vary unequally and are correlated."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(dimensions, dimensions))
    a = scale * random.normal(size=(batch_size, dimensions)) @ mixing / 2
    b = a + 0.3 * random.normal(size=a.shape)
    return a.astype("float32"), b.astype("float32")


def terms_of(pair):
    names = ("invariance", "variance", "covariance")
    terms = [getattr(vicreg_loss, f"{name}_term")(*pair) for name in names]
    return [float(ops.mean(term)) for term in terms]


@pytest.mark.parametrize("batch_size", [2, 6])
@pytest.mark.parametrize("scale", [0.1, 0.7, 5.0])
def test_terms_and_their_sum_are_those_of_the_loops(batch_size, scale):
    pair = draw_pair(batch_size, scale=scale)
    expected = reference.vicreg(*pair)
    np.testing.assert_allclose(terms_of(pair), expected, rtol=1e-4, atol=1e-6)
    total = np.dot(WEIGHTS, expected)
    np.testing.assert_allclose(VICRegLoss()(*pair), total, rtol=1e-4)
    weighted = VICRegLoss(3.0, 0.5, 7.0)(*pair)
    np.testing.assert_allclose(weighted, np.dot((3.0, 0.5, 7.0), expected), rtol=1e-4)


def test_two_images_have_the_loss_worked_out_by_hand():
    # Dimension 0 has variance 2, above the hinge, dimension 1 has variance 0; the two
    # covary by 0. Views differ by 1 in one of 4 numbers: 1 / 4.
    a = np.float32([[1.0, 3.0], [-1.0, 3.0]])
    b = np.float32([[1.0, 3.0], [-1.0, 3.0]]) + np.float32([[0, 1], [0, 0]])
    # b: variance of dimension 1 is 1 / 2, its covariance with dimension 0 is 1.
    variance = (COLLAPSED / 2 + (1 - np.sqrt(0.5001)) / 2) / 2
    np.testing.assert_allclose(terms_of((a, b)), [0.25, variance, 1.0], rtol=1e-5)


def test_collapsed_views_cost_the_missing_variance_alone_and_have_a_gradient():
    same = np.full((4, 8), 3.0, "float32")
    np.testing.assert_allclose(terms_of((same, same)), [0.0, COLLAPSED, 0.0], atol=1e-6)
    assert np.isfinite(gradient_of(lambda z: VICRegLoss()(z, z + 0.0), same)).all()
    nearly = same + np.random.default_rng(0).normal(0, 1e-3, same.shape)
    # The hinge pushes them apart.
    slope = gradient_of(lambda z: vicreg_loss.variance_term(z, z), nearly)
    assert np.sum(slope * (nearly - nearly.mean(axis=0))) < 0


def test_identical_views_of_independent_dimensions_cost_nothing():
    # Columns of a Hadamard matrix: mean 0, variance 8 / 7, covariance 0.
    signs = np.array([[1, 1], [1, -1]])
    columns = np.kron(signs, np.kron(signs, signs))[:, 1:].astype("float32")
    np.testing.assert_allclose(VICRegLoss()(columns, columns), 0.0, atol=1e-6)


def test_loss_depends_on_no_order_and_grows_when_images_are_swapped():
    a, b = draw_pair()
    loss = float(VICRegLoss()(a, b))
    order = [3, 0, 5, 1, 4, 2]
    np.testing.assert_allclose(VICRegLoss()(b, a), loss, rtol=1e-5)
    np.testing.assert_allclose(VICRegLoss()(a[order], b[order]), loss, rtol=1e-5)
    assert float(VICRegLoss()(a, np.roll(b, 1, axis=0))) > loss + 1


def test_single_image_left_over_in_a_last_batch_has_a_finite_loss():
    pair = draw_pair(batch_size=1)
    invariance, variance, covariance = terms_of(pair)
    assert invariance == pytest.approx(np.square(pair[0] - pair[1]).mean(), rel=1e-5)
    assert (variance, covariance) == pytest.approx((COLLAPSED, 0.0))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    # Squares of covariances of 300 would overflow in float16.
    halves = [ops.cast(side, dtype) for side in draw_pair(scale=20.0)]
    rounded = [ops.convert_to_numpy(ops.cast(side, "float32")) for side in halves]
    expected = np.dot(WEIGHTS, reference.vicreg(*rounded))
    loss = VICRegLoss()(*halves)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_gradient_is_that_of_finite_differences():
    a, b = draw_pair(batch_size=3, dimensions=4)
    gradient = gradient_of(lambda z: VICRegLoss()(b, z), a)
    step = 1e-5  # of the float64 loops
    for index in np.ndindex(3, 4):
        above, below = np.float64(a), np.float64(a)
        above[index] += step
        below[index] -= step
        sums = [np.dot(WEIGHTS, reference.vicreg(z, b)) for z in (above, below)]
        slope = (sums[0] - sums[1]) / (2 * step)
        np.testing.assert_allclose(gradient[index], slope, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "name", ["invariance_weight", "variance_weight", "covariance_weight"]
)
def test_weights_must_not_be_negative(name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        VICRegLoss(**{name: -1.0})


def test_projections_of_two_batch_sizes_are_refused():
    with pytest.raises(ValueError, match="row i of either"):
        VICRegLoss()(np.ones((4, 8), "float32"), np.ones((3, 8), "float32"))


def test_loss_made_from_its_config_computes_the_same():
    loss = VICRegLoss(3.0, 0.5, 7.0, name="terms", reduction="sum")
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    )
    pair = draw_pair()
    assert float(again(*pair)) == float(loss(*pair))
    expected = 6 * np.dot((3.0, 0.5, 7.0), reference.vicreg(*pair))
    np.testing.assert_allclose(again(*pair), expected, rtol=1e-4)
    assert again.name == "terms"
