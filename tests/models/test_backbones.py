import zipfile

import keras
import numpy as np
import pytest
from keras import ops

import ssl_voc
from ssl_voc.layers import FusedBatchNormalization
from ssl_voc.models import plain_backbone
from ssl_voc.models.cloning import resized
from tests import tiny
from tests.dtype_policies import dtype_policy


def features_of(model, images):
    return ops.convert_to_numpy(model(images.astype("float32")))


def norms_of(model):
    return [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]


def drop_rates_of(model):
    return [layer.rate for layer in model.layers if layer.name.endswith("_drop")]


def test_stochastic_depth_rises_to_the_rate_at_the_deepest_block():
    model = ssl_voc.backbone("EfficientNetB0", 32, drop_connect=0.2)
    np.testing.assert_allclose(drop_rates_of(model), 0.2 * np.arange(1, 10) / 9)
    assert len(norms_of(model)) == 49
    assert {type(layer) for layer in norms_of(model)} == {FusedBatchNormalization}
    assert {layer.momentum for layer in norms_of(model)} == {0.9}


def test_b1_without_stochastic_depth_is_the_default_and_takes_any_size():
    model = ssl_voc.backbone()
    assert model.name == "efficientnetb1"
    assert model.input_shape == (None, None, None, 3)
    assert model.output_shape == (None, None, None, 1280)
    assert {layer.momentum for layer in norms_of(model)} == {0.9}
    assert set(drop_rates_of(model)) == {0.0}


@pytest.mark.slow
def test_the_largest_one_builds():
    model = ssl_voc.backbone("EfficientNetB7", image_size=32)
    assert model.output_shape[1:3] == (1, 1)
    assert {type(layer) for layer in norms_of(model)} == {FusedBatchNormalization}
    assert set(drop_rates_of(model)) == {0.0}


def test_a_file_gives_architecture_and_weights(tmp_path):
    stock = tiny.build_backbone(32)
    tiny.randomize(stock)
    stock.save(tmp_path / "tiny.keras")
    model = ssl_voc.backbone(tmp_path / "tiny.keras", image_size=32)
    images = tiny.draw_photos(2, size=32)
    np.testing.assert_allclose(
        features_of(model, images), features_of(stock, images), atol=1e-5
    )
    assert {type(layer) for layer in norms_of(model)} == {FusedBatchNormalization}
    assert {layer.momentum for layer in norms_of(model)} == {0.9}
    other_size = ssl_voc.backbone(tmp_path / "tiny.keras", image_size=24)
    assert other_size.output_shape == (None, 5, 5, 16)
    any_size = ssl_voc.backbone(tmp_path / "tiny.keras")
    np.testing.assert_allclose(
        features_of(any_size, images), features_of(stock, images), atol=1e-5
    )


def test_normalization_of_a_file_keeps_its_statistics(tmp_path):
    inputs = keras.Input((16, 16, 3))
    normalization = keras.layers.Normalization()
    x = keras.layers.Conv2D(4, 3)(normalization(inputs))
    stock = keras.Model(inputs, x)
    normalization.adapt(tiny.draw_photos(4, size=16).astype("float32"))
    stock.save(tmp_path / "normalized.keras")
    model = ssl_voc.backbone(tmp_path / "normalized.keras", image_size=16)
    images = tiny.draw_photos(2, size=16, seed=1)
    np.testing.assert_allclose(
        features_of(model, images), features_of(stock, images), rtol=1e-4
    )


def test_a_file_is_taken_in_the_precision_of_now(tmp_path):
    path = tiny.save_backbone(tmp_path / "tiny.keras")
    with dtype_policy("mixed_bfloat16"):
        model = ssl_voc.backbone(path, image_size=32)
    assert {layer.compute_dtype for layer in norms_of(model)} == {"bfloat16"}
    assert {weight.dtype for weight in model.weights} == {"float32"}


def test_plain_copy_is_of_keras_own_layers_and_computes_the_same(tmp_path):
    model = ssl_voc.backbone(tiny.save_backbone(tmp_path / "tiny.keras"), 32)
    tiny.randomize(model)
    plain_backbone(model).save(tmp_path / "plain.keras")
    with zipfile.ZipFile(tmp_path / "plain.keras") as archive:
        assert "ssl_voc" not in archive.read("config.json").decode()
    again = keras.models.load_model(tmp_path / "plain.keras")
    images = tiny.draw_photos(2, size=32)
    np.testing.assert_allclose(
        features_of(again, images), features_of(model, images), atol=1e-5
    )


@pytest.mark.slow
def test_a_copy_of_any_size_keeps_the_features_of_the_size_it_was_built_for():
    # 80 px come to odd sides, which EfficientNet pads in another way than any size.
    model = ssl_voc.backbone("EfficientNetB0", 80)
    tiny.randomize(model)
    tiny.settle_statistics(model)
    any_size = resized(model, None)
    images = tiny.draw_photos(2, size=80)
    features = features_of(model, images)
    np.testing.assert_allclose(features_of(any_size, images), features, atol=1e-5)
    assert any_size(images[:, :48, :48].astype("float32")).shape[1:3] == (2, 2)
    again = plain_backbone(any_size, 80)
    assert again.input_shape == model.input_shape
    np.testing.assert_allclose(features_of(again, images), features, atol=1e-4)


@pytest.mark.slow
def test_a_copy_keeps_the_momentum_of_batch_norms_inside_blocks():
    pytest.importorskip("keras_cv")
    model = ssl_voc.backbone("keras_cv:EfficientNetV2B0Backbone", 64)
    for copy in (model, resized(model, None)):
        norms = [
            layer
            for layer in copy._flatten_layers()
            if isinstance(layer, keras.layers.BatchNormalization)
        ]
        assert len(norms) > len(norms_of(copy))
        assert {layer.momentum for layer in norms} == {0.9}


def test_a_file_that_is_missing_or_no_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing.keras"):
        ssl_voc.backbone(tmp_path / "missing.keras")
    (tmp_path / "text.keras").write_text("no model")
    with pytest.raises(ValueError, match="text.keras"):
        ssl_voc.backbone(tmp_path / "text.keras")


def test_a_model_that_pools_is_refused(tmp_path):
    inputs = keras.Input((16, 16, 3))
    keras.Model(inputs, keras.layers.GlobalMaxPooling2D()(inputs)).save(
        tmp_path / "pooled.keras"
    )
    with pytest.raises(ValueError, match="pooled.keras must hold a backbone"):
        ssl_voc.backbone(tmp_path / "pooled.keras")


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_drop_connect_must_be_a_probability_below_one(rate):
    with pytest.raises(ValueError, match="`drop_connect` is a probability below 1"):
        ssl_voc.backbone("EfficientNetB0", drop_connect=rate)
