"""SiLU by one pass, against Keras' own."""

import keras
import numpy as np
import pytest

from ssl_voc.layers.silu import FusedSiLU

tf = pytest.importorskip("tensorflow")
if keras.backend.backend() != "tensorflow":
    pytest.skip("the gradient is TensorFlow's", allow_module_level=True)


def run(layer, inputs):
    """Outputs and gradient of a layer inside a graph, as training has it."""

    @tf.function
    def step(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
        return outputs, tape.gradient(outputs, inputs, output_gradients=3.0 * inputs)

    return step(inputs)


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [("float32", 1e-5), ("float16", 4e-3), ("bfloat16", 3e-2)],
)
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (7,)])
def test_values_and_gradient_are_those_of_keras(dtype, tolerance, shape):
    values = np.random.default_rng(0).normal(size=shape) * 4
    inputs = tf.cast(values, dtype)
    fused, stock = (
        run(layer, inputs)
        for layer in (
            FusedSiLU(dtype=dtype),
            keras.layers.Activation("silu", dtype=dtype),
        )
    )
    for ours, theirs in zip(fused, stock, strict=True):
        assert ours.dtype == dtype
        ours, theirs = (tf.cast(tensor, "float32").numpy() for tensor in (ours, theirs))
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def test_its_config_is_that_of_a_layer_without_choice():
    layer = FusedSiLU(name="top_activation")
    again = FusedSiLU.from_config(layer.get_config())
    assert again.name == "top_activation" and "activation" not in layer.get_config()


def test_outside_a_compiled_step_shapes_are_not_compiled_one_by_one(caplog):
    with caplog.at_level("WARNING", logger="tensorflow"):
        for size in range(2, 12):
            inputs = tf.ones((1, size))
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                outputs = FusedSiLU()(inputs)
            tape.gradient(outputs, inputs)
    assert "retracing" not in caplog.text
