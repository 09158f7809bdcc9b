"""Inference batch by batch: the answers of `predict`, by batches of one size."""

import keras
import numpy as np
import pytest

from ssl_voc.models.batch_inference import predict_any_batch, predict_batches


class Watching(keras.layers.Layer):
    """Hands images on and notes the sizes of the batches that it sees."""

    def __init__(self):
        super().__init__()
        self.sizes = set()

    def call(self, images):
        self.sizes.add(images.shape[0])
        return images


@pytest.mark.parametrize("batch_size", [1, 3, 6, 7, 20])
def test_answers_are_those_of_predict_by_batches_of_one_size(batch_size):
    inputs = keras.Input((4,))
    watching = Watching()
    seen = watching(inputs)
    outputs = {"twice": 2.0 * seen, "sum": keras.ops.sum(seen, axis=1)}
    model = keras.Model(inputs, outputs)
    images = np.random.default_rng(0).normal(size=(7, 4)).astype("float32")
    watching.sizes.clear()
    found = predict_batches(model, images, batch_size)
    assert watching.sizes - {None} == {batch_size}
    expected = model.predict(images, batch_size=3, verbose=0)
    assert found.keys() == expected.keys()
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-6)


@pytest.mark.parametrize("compiles", [True, False])
def test_batches_of_any_size_are_traced_once_and_filled_up_for_xla_alone(compiles):
    inputs = keras.Input((4,), dtype="uint8")
    watching = Watching()
    model = keras.Model(inputs, {"seen": watching(inputs)})
    model.jit_compile = compiles
    images = np.arange(28, dtype="uint8").reshape(7, 4)
    watching.sizes.clear()
    asked = []
    for number in (3, 7, 1):
        found = predict_any_batch(model, images[:number], 7)
        np.testing.assert_array_equal(found["seen"], images[:number])
        asked.append(watching.sizes.copy())
    expected = 7 if compiles else None
    assert asked == [{expected}] * 3
