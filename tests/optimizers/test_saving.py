"""Optimizers of the package go on as they were when they are loaded again."""

import keras
import numpy as np
import pytest

from ssl_voc.optimizers import LARS, DiscriminativeAdamW

SETTINGS = {"global_clipnorm": 0.5, "name": "careful"}


def optimizers():
    """Each with no argument at its default."""
    rate = keras.optimizers.schedules.CosineDecay(0.1, 10)
    factors = {"": 0.3, "head": 0.7}
    return [
        DiscriminativeAdamW(rate, factors, weight_decay=0.2, beta_2=0.9, **SETTINGS),
        LARS(rate, 0.8, weight_decay=0.05, trust_coefficient=0.5, **SETTINGS),
    ]


def fit(model, optimizer=None, epochs=2):
    random = np.random.default_rng(0)
    x = random.normal(size=(8, 3)).astype("float32")
    y = x @ random.normal(size=(3, 2)).astype("float32")
    if optimizer is not None:
        model.compile(optimizer, "mse")
    model.run_eagerly = True  # quick for a few steps; Keras does not save it
    model.fit(x, y, epochs=epochs, verbose=0, shuffle=False)
    return model.get_weights()


def build_model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="head")])


@pytest.mark.parametrize(
    "optimizer", optimizers(), ids=lambda item: type(item).__name__
)
def test_config_and_state_survive(optimizer, tmp_path):
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    assert again.name == "careful" and again.get_config() == optimizer.get_config()
    model = build_model()
    moved = fit(model, optimizer)
    assert not np.array_equal(moved[0], build_model().get_weights()[0])
    for result, expected in zip(fit(build_model(), again), moved, strict=True):
        np.testing.assert_array_equal(result, expected)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for result, expected in zip(fit(loaded), fit(model), strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-6)
