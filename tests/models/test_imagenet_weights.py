"""ImageNet weights and other .h5 files arrive as features, or not at all."""

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

import ssl_voc
from ssl_voc.models import plain_backbone
from ssl_voc.models.pretrained_weights import load_pretrained_weights
from tests import tiny


def build_b0(weights):
    return keras.applications.EfficientNetB0(
        include_top=False, weights=weights, input_shape=(64, 64, 3)
    )


def assert_same_features(features, expected):
    """Compares feature maps by the size of their largest entry."""
    largest = np.abs(expected).max()
    np.testing.assert_allclose(features, expected, atol=1e-3 * largest, rtol=0)


def write_legacy_h5(model, path):
    """Writes the format of Keras 2, which Keras' ImageNet files have."""
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


@pytest.fixture(scope="module")
def imagenet_file(tmp_path_factory):
    """A file as `efficientnetb0_notop.h5`: its statistics of pixels, random kernels.

    Keras' files hold means and *deviations* of ImageNet's colors, the latter in the
    place of variances.
    """
    model = keras.applications.EfficientNetB0(
        include_top=False, weights=None, input_shape=(64, 64, 3)
    )
    tiny.randomize(model)
    (normalization,) = (
        layer for layer in model.layers if isinstance(layer, keras.layers.Normalization)
    )
    means, deviations = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    # What the pixels go through in the end: (pixel / 255 - mean) / deviation.
    normalization.set_weights([means, deviations**2, np.array(0)])
    normalization.finalize_state()
    tiny.settle_statistics(model)
    normalization.set_weights([means, deviations, np.array(0)])
    path = tmp_path_factory.mktemp("imagenet") / "efficientnetb0_notop.h5"
    write_legacy_h5(model, path)
    return path


@pytest.fixture
def downloads(imagenet_file, monkeypatch):
    """Lets Keras find the ImageNet file without a network."""
    from keras.src.applications import efficientnet

    monkeypatch.setattr(
        efficientnet.file_utils, "get_file", lambda *_, **__: str(imagenet_file)
    )


@pytest.fixture(scope="module")
def imagenet_features(imagenet_file):
    """What Keras' own graph for ImageNet weights computes with the file."""
    from keras.src.applications import efficientnet

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            efficientnet.file_utils, "get_file", lambda *_, **__: str(imagenet_file)
        )
        model = keras.applications.EfficientNetB0(
            include_top=False, weights="imagenet", input_shape=(64, 64, 3)
        )
    assert sum(isinstance(la, keras.layers.Rescaling) for la in model.layers) == 2
    return tiny.features_of(model)


def test_imagenet_weights_give_the_features_of_keras_graph(
    downloads, imagenet_features
):
    model = ssl_voc.backbone("EfficientNetB0", image_size=64, weights="imagenet")
    assert_same_features(tiny.features_of(model), imagenet_features)


def test_imagenet_file_gives_the_features_of_keras_graph(
    imagenet_file, imagenet_features
):
    model = ssl_voc.backbone("EfficientNetB0", image_size=64, weights=imagenet_file)
    assert_same_features(tiny.features_of(model), imagenet_features)
    # Loaded into the graph that Keras builds for other weights, they are far off.
    bare = keras.applications.EfficientNetB0(
        include_top=False, weights=str(imagenet_file), input_shape=(64, 64, 3)
    )
    with pytest.raises(AssertionError):
        assert_same_features(tiny.features_of(bare), imagenet_features)


def test_saved_keras_graph_of_imagenet_gives_its_features(
    downloads, imagenet_features, tmp_path
):
    keras.applications.EfficientNetB0(
        include_top=False, weights="imagenet", input_shape=(64, 64, 3)
    ).save(tmp_path / "imagenet.keras")
    model = ssl_voc.backbone(
        "EfficientNetB0", image_size=64, weights=tmp_path / "imagenet.keras"
    )
    assert_same_features(tiny.features_of(model), imagenet_features)


def test_imagenet_weights_survive_copies_and_files(imagenet_file, tmp_path):
    model = ssl_voc.backbone("EfficientNetB0", image_size=64, weights=imagenet_file)
    plain = plain_backbone(model)
    np.testing.assert_allclose(
        tiny.features_of(plain), tiny.features_of(model), atol=1e-4
    )
    plain.save(tmp_path / "backbone.keras")
    again = ssl_voc.backbone(
        "EfficientNetB0", image_size=64, weights=tmp_path / "backbone.keras"
    )
    np.testing.assert_allclose(
        tiny.features_of(again), tiny.features_of(model), atol=1e-4
    )


def test_without_network_imagenet_is_one_clear_line(monkeypatch):
    from keras.src.applications import efficientnet

    def fail(*_, **__):
        raise Exception("URL fetch failure on https://...: None -- unreachable\nmore")

    monkeypatch.setattr(efficientnet.file_utils, "get_file", fail)
    with pytest.raises(ValueError, match="efficientnetb0 could not be had") as error:
        ssl_voc.backbone("EfficientNetB0", image_size=32, weights="imagenet")
    message = str(error.value)
    assert "\n" not in message and "URL fetch failure" in message
    assert "'..._notop.h5'" in message


def test_imagenet_needs_an_application(tmp_path):
    path = tiny.save_backbone(tmp_path / "tiny.keras")
    with pytest.raises(ValueError, match="keras.applications backbones only"):
        ssl_voc.backbone(path, image_size=32, weights="imagenet")


def write_half(source, target):
    """Copies the first half of a legacy file's layers, by their order."""
    with h5py.File(source) as whole, h5py.File(target, "w") as half:
        names = list(whole.attrs["layer_names"])
        kept = names[: len(names) // 2]
        half.attrs["layer_names"] = kept
        for name in kept:
            whole.copy(whole[name], half, name=name)


def test_a_file_that_fits_half_leaves_the_model_untouched(imagenet_file, tmp_path):
    broken = tmp_path / "broken_notop.h5"
    broken.write_bytes(imagenet_file.read_bytes())
    with h5py.File(broken, "r+") as file:
        # Keras assigns layer after layer, and fails at one that is near the last.
        names = list(file.attrs["layer_names"])
        full = [name for name in names if file[name].attrs["weight_names"].size]
        group = file[full[-1]]
        key = group.attrs["weight_names"][0]
        wrong = np.zeros(np.array(group[key].shape) + 1, "float32")
        del group[key]
        group[key] = wrong
    model = ssl_voc.backbone("EfficientNetB0", image_size=64)
    before, features = model.get_weights(), tiny.features_of(model)
    with pytest.raises(ValueError, match="does not fit the backbone") as error:
        load_pretrained_weights(model, build_b0, broken)
    assert "\n" not in str(error.value)
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    np.testing.assert_array_equal(tiny.features_of(model), features)


def test_a_file_of_fewer_layers_is_refused(imagenet_file, tmp_path):
    write_half(imagenet_file, tmp_path / "half_notop.h5")
    with pytest.raises(ValueError, match="half_notop.h5 does not fit the backbone"):
        ssl_voc.backbone(
            "EfficientNetB0", image_size=64, weights=tmp_path / "half_notop.h5"
        )


def test_a_weights_file_of_keras_own_graph_loads(
    imagenet_features, imagenet_file, tmp_path
):
    graph = keras.applications.EfficientNetB0(
        include_top=False, weights=str(imagenet_file), input_shape=(64, 64, 3)
    )
    # Keras 3 names weights by the classes of layers; ours are fused batch norms.
    graph.save_weights(tmp_path / "graph.weights.h5")
    weights = tmp_path / "graph.weights.h5"
    model = ssl_voc.backbone("EfficientNetB0", image_size=64, weights=weights)
    assert_same_features(tiny.features_of(model), imagenet_features)


def test_a_file_is_refused_by_a_backbone_that_computes_otherwise(imagenet_file):
    def without_sigmoid(layer):
        config = layer.get_config()
        if config.get("activation") == "sigmoid":
            config["activation"] = "tanh"
        return layer.__class__.from_config(config)

    model = ssl_voc.backbone("EfficientNetB0", image_size=64)
    model = keras.models.clone_model(model, clone_function=without_sigmoid)
    before = model.get_weights()
    with pytest.raises(ValueError, match="_notop.h5 has weights.*another graph"):
        load_pretrained_weights(model, build_b0, imagenet_file)
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
