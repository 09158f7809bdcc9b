"""Teachers from files, runs and presets that behave as KerasHub's do."""

import sys
import types

import keras
import numpy as np
import pytest
from keras import layers, ops

from ssl_voc.models import load_teacher
from tests import tiny


class TokenBackbone:
    """A class token, two registers and 4 x 4 patches of 7 px, as DINOv2 gives them."""

    patch_size = 7

    @classmethod
    def from_preset(cls, name, image_shape):
        if name != "dinov2_tiny":
            raise ValueError(f"Unknown preset {name}.\nMore of it.")
        images = keras.Input(image_shape, name="images")
        patches = layers.Conv2D(5, cls.patch_size, cls.patch_size)(images)
        patches = layers.Reshape((-1, 5))(patches)
        token = layers.GlobalAveragePooling1D(keepdims=True)(patches)
        others = layers.Concatenate(axis=1)([token * 2.0, token * 3.0, token * 4.0])
        tokens = layers.Concatenate(axis=1)([others, patches])
        model = keras.Model({"images": images}, tokens)
        model.patch_size = cls.patch_size
        model.patches = model.layers[1]
        cls.last = model
        return model


@pytest.fixture
def keras_hub(monkeypatch):
    """A stand-in for KerasHub that has the preset `dinov2_tiny`."""
    module = types.ModuleType("keras_hub")
    module.models = types.SimpleNamespace(Backbone=TokenBackbone)
    monkeypatch.setitem(sys.modules, "keras_hub", module)


def test_tokens_become_the_class_token_and_a_map_of_normalized_pixels(keras_hub):
    teacher = load_teacher("dinov2_tiny", 20, 28)
    photos = tiny.draw_photos(2, size=28).astype("float32")
    embeddings, maps = map(ops.convert_to_numpy, teacher(photos))
    means = np.array([0.485, 0.456, 0.406])
    deviations = np.array([0.229, 0.224, 0.225])
    pixels = (photos / 255 - means) / deviations
    kernel, bias = TokenBackbone.last.patches.get_weights()
    assert maps.shape == (2, 4, 4, 5)
    for row in range(4):
        for column in range(4):
            patch = pixels[
                :, 7 * row : 7 * row + 7, 7 * column : 7 * column + 7
            ].reshape(2, -1)
            expected = patch @ kernel.reshape(-1, 5) + bias
            np.testing.assert_allclose(
                maps[:, row, column], expected, rtol=1e-3, atol=1e-4
            )
    np.testing.assert_allclose(embeddings, 2 * maps.mean(axis=(1, 2)), rtol=1e-3)


def test_views_of_any_size_are_shown_at_that_of_the_teacher(keras_hub):
    teacher = load_teacher("dinov2_tiny", 20)
    assert teacher.output_shape[1] == (None, 32, 32, 5)  # 224 px
    assert teacher(np.zeros((1, 20, 20, 3), "float32"))[1].shape == (1, 32, 32, 5)


def test_a_preset_whose_pixels_are_not_known_is_refused():
    with pytest.raises(ValueError, match=r"dinov2_\* or dinov3_\*.*'resnet_50'"):
        load_teacher("resnet_50", 20)


def test_a_preset_that_cannot_be_had_is_told_in_one_line(keras_hub):
    with pytest.raises(ValueError, match="KerasHub.*'dinov2_none'.*Unknown.*none.$"):
        load_teacher("dinov2_none", 20)


def test_file_is_shown_images_at_its_own_size_and_gives_map_and_mean(tmp_path):
    path = tiny.save_backbone(tmp_path / "tiny.keras", 24)
    photos = tiny.draw_photos(2, size=24).astype("float32")
    expected = keras.models.load_model(path)(photos)
    teacher = load_teacher(path, 20)
    embeddings, maps = teacher(photos)
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        embeddings, ops.mean(expected, axis=(1, 2)), rtol=1e-4, atol=1e-5
    )
    assert not teacher.trainable_variables
    assert load_teacher(path, 20, 40).output_shape[1] == (None, 9, 9, 16)


def test_file_of_any_size_is_shown_views_as_they_are(tmp_path):
    tiny.build_backbone(None).save(tmp_path / "any.keras")
    teacher = load_teacher(tmp_path / "any.keras", 20)
    assert teacher.output_shape[1] == (None, 4, 4, 16)


def test_statistics_of_the_batch_do_not_reach_the_teacher(tmp_path):
    path = tiny.save_backbone(tmp_path / "tiny.keras", 24)
    teacher = load_teacher(path, 24)
    photos = tiny.draw_photos(2, size=24).astype("float32")
    together = teacher(photos, training=True)[1][:1]
    np.testing.assert_allclose(together, teacher(photos[:1])[1], rtol=1e-4, atol=1e-5)


def test_a_file_with_code_inside_is_refused(tmp_path):
    inputs = keras.Input((24, 24, 3))
    maps = layers.Lambda(lambda x: x * 2.0)(inputs)
    keras.Model(inputs, maps).save(tmp_path / "code.keras")
    with pytest.raises(ValueError, match="code.keras.*[Ll]ambda"):
        load_teacher(tmp_path / "code.keras", 24)
