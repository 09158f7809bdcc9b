import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.similarity import contrastive_logits, l2_normalize, unit_vectors
from tests import reference
from tests.gradients import gradient_of


@pytest.fixture
def pair():
    random = np.random.default_rng(0)
    return random.normal(size=(2, 5, 7)).astype("float32")


def test_logits_are_cosines_over_temperature(pair):
    logits, _ = contrastive_logits(*pair, temperature=0.2)
    views = [*pair[0], *pair[1]]
    for i in range(10):
        for k in range(10):
            if i != k:
                expected = reference.cosine(views[i], views[k]) / 0.2
                np.testing.assert_allclose(logits[i, k], expected, atol=1e-5)


def test_positive_of_a_view_is_the_other_view_of_its_image(pair):
    _, positives = contrastive_logits(*pair)
    assert list(ops.convert_to_numpy(positives)) == [5, 6, 7, 8, 9, 0, 1, 2, 3, 4]


def test_a_view_is_no_candidate_of_itself(pair):
    logits = ops.convert_to_numpy(contrastive_logits(*pair, temperature=0.01)[0])
    # exp(-1e9) is 0, so a row's softmax gives the view itself nothing.
    assert (np.diagonal(logits) == -1e9).all()
    assert (logits[~np.eye(10, dtype=bool)] >= -1 / 0.01 - 1e-3).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_logits_of_half_precision_are_float32(pair, dtype):
    halves = [ops.cast(side, dtype) for side in pair]
    logits, _ = contrastive_logits(*halves, temperature=0.1)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    expected = contrastive_logits(*pair, temperature=0.1)[0]
    # bfloat16 keeps 8 bits: cosines are off by up to 2^-8, times 1 / 0.1.
    np.testing.assert_allclose(logits, expected, atol=0.1)


def test_normalized_vectors_have_length_one_and_zero_stays_zero():
    vectors = np.array([[3.0, 4.0], [0.0, 0.0], [1e-3, 0.0]], "float32")
    expected = [[0.6, 0.8], [0.0, 0.0], [1.0, 0.0]]
    np.testing.assert_allclose(l2_normalize(vectors), expected, atol=1e-6)


def test_unit_vectors_are_those_of_numpy_in_their_own_precision():
    vectors = np.array([[3.0, 4.0], [0.0, 0.0], [-1e-20, 0.0]])
    found = unit_vectors(vectors)
    np.testing.assert_allclose(found, [[0.6, 0.8], [0.0, 0.0], [-1.0, 0.0]])
    assert unit_vectors(vectors.astype("float32")).dtype == "float32"


@pytest.mark.parametrize("length", [3e-7, 1e-19, 1e-25, 1e15, 1e25])
def test_length_does_not_matter_however_short_or_long(length, pair):
    # Squares below 1e-38 vanish in float32, those above 3e38 are infinite.
    expected = l2_normalize(pair[0])
    np.testing.assert_allclose(l2_normalize(length * pair[0]), expected, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 1e-3, 3e-7])
def test_gradient_is_that_of_the_quotient(scale, pair):
    vector, weights = pair[0, :1] * scale, pair[1, :1]

    def weighted(vectors):
        return l2_normalize(vectors) * weights

    # Of v / |v|: what is left of the weights beside v, over |v|.
    length = np.linalg.norm(vector)
    unit = vector / length
    expected = (weights - unit * np.sum(unit * weights)) / length
    np.testing.assert_allclose(gradient_of(weighted, vector), expected, rtol=1e-4)
    # A unit vector along an axis is where bounds may tie.
    axis = np.array([[0.0, 2.0, 0, 0, 0, 0, 0]], "float32")
    expected = np.where(axis > 0, 0.0, weights / 2)
    np.testing.assert_allclose(gradient_of(weighted, axis), expected, atol=1e-6)


def test_gradient_at_zero_is_finite_in_half_precision():
    gradient = gradient_of(l2_normalize, np.zeros((2, 3)))
    assert np.all(np.abs(gradient) < 65504)


@pytest.mark.parametrize("value", [6e-8, 300.0, 6e4])
def test_shortest_and_longest_float16_vectors_have_length_one(value):
    # 6e-8 is float16's smallest number; 300 ** 2 is beyond its largest, 65,504.
    vector = ops.cast(np.full((1, 4), value), "float16")
    np.testing.assert_allclose(l2_normalize(vector), np.full((1, 4), 0.5), atol=1e-6)


@pytest.mark.parametrize(
    ("shape_a", "shape_b"),
    [((4, 8), (3, 8)), ((4, 8), (4, 7)), ((8,), (8,)), ((2, 4, 8), (2, 4, 8))],
)
def test_projections_of_other_shapes_are_named_in_the_error(shape_a, shape_b):
    with pytest.raises(ValueError, match="must both have shape") as error:
        contrastive_logits(np.ones(shape_a, "float32"), np.ones(shape_b, "float32"))
    assert f"projections_a.shape={shape_a}" in str(error.value)
    assert f"projections_b.shape={shape_b}" in str(error.value)
