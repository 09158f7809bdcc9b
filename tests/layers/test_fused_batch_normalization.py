import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import FusedBatchNormalization

tf = pytest.importorskip("tensorflow")
if keras.backend.backend() != "tensorflow":
    pytest.skip("the kernel is TensorFlow's", allow_module_level=True)


def build_pair(shape, **arguments):
    """The layer and Keras' own, with equal weights that are not the initial ones."""
    random = np.random.default_rng(0)
    pair = [
        layer_class(momentum=0.7, epsilon=1e-2, **arguments)
        for layer_class in (FusedBatchNormalization, keras.layers.BatchNormalization)
    ]
    for layer in pair:
        layer.build(shape)
    weights = [random.uniform(0.5, 2.0, w.shape) for w in pair[0].weights]
    for layer in pair:
        layer.set_weights(weights)
    return pair


def draw_inputs(shape, dtype="float32"):
    random = np.random.default_rng(1)
    inputs = 3.0 * random.normal(size=shape) + random.normal(size=shape[-1])
    return tf.cast(inputs, dtype)


def run(layer, inputs, training=True):
    """Outputs, gradients of inputs, scale and offset, and moving statistics."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, training=training)
        # Weighs every output differently, so that no gradient cancels.
        weights = tf.reshape(tf.range(tf.size(outputs), dtype="float32"), outputs.shape)
        loss = tf.reduce_sum(tf.cast(outputs, "float32") * tf.sin(weights))
    variables = layer.trainable_variables
    gradients = tape.gradient(loss, [inputs, *[v.value for v in variables]])
    arrays = [outputs, *gradients, layer.moving_mean, layer.moving_variance]
    return [ops.convert_to_numpy(ops.cast(array, "float32")) for array in arrays]


@pytest.mark.parametrize("shape", [(4, 5, 6, 3), (2, 1, 1, 8), (1, 7, 7, 2)])
@pytest.mark.parametrize("training", [True, False, None])
def test_everything_equals_the_keras_layer(shape, training):
    fused, stock = build_pair(shape)
    for _ in range(3):  # the moving statistics of one step enter the next
        results = run(fused, draw_inputs(shape), training)
        expected = run(stock, draw_inputs(shape), training)
        assert len(results) == 6
        for ours, theirs in zip(results, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_training_uses_the_kernel(monkeypatch):
    calls = []
    kernel = tf.raw_ops.FusedBatchNormV3
    monkeypatch.setattr(
        tf.raw_ops, "FusedBatchNormV3", lambda **a: calls.append(1) or kernel(**a)
    )
    fused, _ = build_pair((2, 4, 4, 3))
    fused(draw_inputs((2, 4, 4, 3)), training=True)
    assert calls == [1]
    fused(draw_inputs((2, 4, 4, 3)), training=False)
    assert calls == [1]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_gives_the_outputs_of_the_keras_layer(policy):
    shape = (4, 6, 6, 3)
    fused, stock = build_pair(shape, dtype=policy)
    inputs = draw_inputs(shape, fused.compute_dtype)
    outputs = fused(inputs, training=True)
    assert outputs.dtype == fused.compute_dtype
    # One unit in the last place: 2^-8 in bfloat16, at outputs of up to 4.
    np.testing.assert_allclose(
        tf.cast(outputs, "float32"),
        tf.cast(stock(inputs, training=True), "float32"),
        atol=4 * 2**-8 if policy == "mixed_bfloat16" else 4 * 2**-11,
    )
    for ours, theirs in zip(fused.weights, stock.weights, strict=True):
        assert ours.dtype == "float32"
        np.testing.assert_allclose(ours, theirs, rtol=1e-4)


def test_frozen_layer_uses_and_keeps_its_moving_statistics():
    shape = (4, 5, 5, 3)
    fused, stock = build_pair(shape)
    before = fused.get_weights()
    fused.trainable = stock.trainable = False
    inputs = draw_inputs(shape)
    np.testing.assert_allclose(
        fused(inputs, training=True), stock(inputs, training=True), atol=1e-5
    )
    for weight, old in zip(fused.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    assert fused.trainable_variables == []


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((6, 3), {}),
        ((2, 5, 3), {}),
        ((2, 3, 4, 4), {"axis": 1}),
        ((2, 4, 4, 3), {"scale": False}),
        ((2, 4, 4, 3), {"center": False}),
        ((2, 4, 4, 3), {"dtype": "float64"}),
        ((4, 5, 5, 3), {"renorm": True}),
    ],
)
def test_what_the_kernel_cannot_do_is_left_to_keras(shape, arguments):
    fused, stock = build_pair(shape, **arguments)
    inputs = draw_inputs(shape, arguments.get("dtype", "float32"))
    results = run(fused, inputs), run(stock, inputs)
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_masked_inputs_are_left_to_keras():
    shape = (2, 3, 3, 4)
    fused, stock = build_pair(shape)
    inputs, mask = draw_inputs(shape), np.ones(shape[:3], bool)
    mask[:, 1:] = False
    np.testing.assert_allclose(
        fused(inputs, training=True, mask=mask),
        stock(inputs, training=True, mask=mask),
        atol=1e-4,
    )


def test_weights_and_config_are_those_of_the_keras_layer():
    fused, stock = build_pair((None, 4, 4, 3))
    assert [w.name for w in fused.weights] == [w.name for w in stock.weights]
    config = {**stock.get_config(), "name": None}
    assert {**fused.get_config(), "name": None} == config
    again = FusedBatchNormalization.from_config(fused.get_config())
    assert (again.momentum, again.epsilon) == (0.7, 1e-2)
