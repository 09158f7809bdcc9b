"""Copies in float32 of models that were trained in mixed precision."""

import keras
import numpy as np
import pytest

from ssl_voc.models.full_precision import compute_dtypes, full_precision
from ssl_voc.models.loading import load_model
from tests.dtype_policies import dtype_policy
from tests.serving.artifacts import build_small_detector, build_small_localizer


def build(kind, policy):
    with dtype_policy(policy):
        if kind == "localize":
            return build_small_localizer()
        return build_small_detector(32)


@pytest.mark.parametrize(
    ("kind", "policy"),
    [
        ("localize", "mixed_bfloat16"),
        ("localize", "mixed_float16"),
        ("detect", "mixed_bfloat16"),
    ],
)
def test_the_copy_is_the_float32_model_of_the_same_weights(kind, policy, tmp_path):
    build(kind, policy).save(tmp_path / "model.keras")
    mixed = load_model(tmp_path / "model.keras")
    assert compute_dtypes(mixed) == {"float32", policy.removeprefix("mixed_")}
    copy, own = full_precision(mixed), build(kind, "float32")
    assert compute_dtypes(copy) == {"float32"}
    own.set_weights(mixed.get_weights())
    copy.run_eagerly = True
    images = np.random.default_rng(0).integers(0, 256, (2, *mixed.image_shape, 3))
    expected = own.predict(images.astype("uint8"), verbose=0)
    found = copy.predict(images.astype("uint8"), verbose=0)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-5, err_msg=name)


def test_a_float32_model_is_its_own_copy():
    model = build("localize", "float32")
    assert full_precision(model) is model


def test_statistics_of_pixels_that_a_weight_holds_are_taken_over():
    # As in Keras' EfficientNets, which read them when they are set.
    inputs = keras.Input((4, 4, 3), dtype="uint8")
    norm = keras.layers.Normalization(dtype="mixed_bfloat16")
    model = keras.Model(inputs, norm(inputs))
    pixels = np.random.default_rng(0).uniform(40, 200, (2, 4, 4, 3))
    norm.adapt(pixels)
    copy = full_precision(model)
    images = np.random.default_rng(1).integers(0, 256, (1, 4, 4, 3), "uint8")
    found = keras.ops.convert_to_numpy(copy(images))
    places = 0, 1, 2
    expected = (images - pixels.mean(axis=places)) / pixels.std(axis=places)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
