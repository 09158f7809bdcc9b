"""`ProjectionHead`: layers, statistics and precision."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import ProjectionHead


def draw_features(batch_size=6, channels=5):
    return np.random.default_rng(0).normal(size=(batch_size, channels)).astype("f4")


def test_three_layers_are_dense_norm_relu_twice_and_dense():
    head = ProjectionHead(hidden_dimensions=4, dimensions=3, num_layers=3)
    features = draw_features()
    projections = ops.convert_to_numpy(head(features, training=True))
    kernels = [w for w in head.get_weights() if w.ndim == 2]
    assert [kernel.shape for kernel in kernels] == [(5, 4), (4, 4), (4, 3)]
    # A batch norm takes the mean away: a bias before it would do nothing.
    assert [w.name for w in head.trainable_weights] == [
        *("kernel", "gamma", "beta") * 2,
        *("kernel", "bias"),
    ]
    hidden = features
    for kernel in kernels[:2]:
        hidden = hidden @ kernel
        # Keras' epsilon; scale and offset are still 1 and 0.
        deviation = np.sqrt(hidden.var(axis=0) + 1e-3)
        hidden = np.maximum((hidden - hidden.mean(axis=0)) / deviation, 0.0)
    np.testing.assert_allclose(projections, hidden @ kernels[2], rtol=1e-3, atol=1e-5)


def test_one_layer_is_linear():
    head = ProjectionHead(dimensions=3, num_layers=1)
    features = draw_features()
    kernel, bias = head(features) is not None and head.get_weights()
    np.testing.assert_allclose(head(features), features @ kernel + bias, rtol=1e-4)
    np.testing.assert_array_equal(head(features, training=True), head(features))


def test_batch_statistics_are_used_in_training_alone():
    head = ProjectionHead(4, 3)
    features = draw_features()
    before = ops.convert_to_numpy(head(features, training=False))
    in_training = ops.convert_to_numpy(head(features, training=True))
    moved = ops.convert_to_numpy(head(features, training=False))
    assert not np.allclose(before, in_training, rtol=0.1)
    assert not np.allclose(before, moved)
    # Momentum 0.9: the batch's mean enters with a tenth.
    hidden = features @ head.get_weights()[0]
    moving_mean = next(w for w in head.weights if w.name == "moving_mean")
    np.testing.assert_allclose(moving_mean, 0.1 * hidden.mean(axis=0), rtol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_projections_are_float32_under_mixed_precision(policy):
    head = ProjectionHead(4, 3, dtype=policy)
    projections = head(draw_features(), training=True)
    assert keras.backend.standardize_dtype(projections.dtype) == "float32"
    assert head.stack[0].compute_dtype == policy.removeprefix("mixed_")
    assert {weight.dtype for weight in head.weights} == {"float32"}


def test_head_made_from_its_config_computes_the_same_with_the_same_weights():
    head = ProjectionHead(4, 3, num_layers=3, name="head")
    features = draw_features()
    expected = ops.convert_to_numpy(head(features))
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(head)
    )
    again(features)
    again.set_weights(head.get_weights())
    np.testing.assert_array_equal(again(features), expected)
    assert again(keras.Input((5,))).shape == (None, 3)
