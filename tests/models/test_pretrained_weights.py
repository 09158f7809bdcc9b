"""Weights arrive as features, or not at all."""

import json

import h5py
import keras
import numpy as np
import pytest
from keras import ops
from keras.src.legacy.saving import legacy_h5_format

import ssl_voc
from ssl_voc.models import fingerprint, plain_backbone
from tests import tiny


def features_of(model, size=64):
    images = tiny.draw_photos(2, size=size).astype("float32")
    return ops.convert_to_numpy(model(images))


def assert_same_features(features, expected):
    """Compares feature maps by the size of their largest entry."""
    largest = np.abs(expected).max()
    np.testing.assert_allclose(features, expected, atol=1e-3 * largest, rtol=0)


def write_legacy_h5(model, path):
    """Writes the format of Keras 2, which Keras' ImageNet files have."""
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


def settle_statistics(model):
    """Gives batch norms the statistics of photos, as training does.

    With those of the initializers the features of a deep network are all but
    constant: whatever the pixels, they agree.
    """
    norms = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer in norms:
        layer.momentum = 0.0
    model(tiny.draw_photos(8, size=64, seed=5).astype("float32"), training=True)


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
    settle_statistics(model)
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
    return features_of(model)


@pytest.fixture
def tiny_model(tmp_path):
    """A tiny backbone with weights that are not the initial ones."""
    path = tiny.save_backbone(tmp_path / "tiny.keras")
    model = ssl_voc.backbone(path, image_size=32)
    tiny.randomize(model, seed=1)
    return model


@pytest.fixture
def run(tmp_path, tiny_model):
    """A finished run's folder: backbone and recorded fingerprint."""
    folder = tmp_path / "run"
    folder.mkdir()
    plain_backbone(tiny_model).save(folder / "backbone.keras")
    manifest = {"backbone_fingerprint": fingerprint(tiny_model).tolist()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_imagenet_weights_give_the_features_of_keras_graph(
    downloads, imagenet_features
):
    model = ssl_voc.backbone("EfficientNetB0", image_size=64, weights="imagenet")
    assert_same_features(features_of(model), imagenet_features)


def test_imagenet_file_gives_the_features_of_keras_graph(
    imagenet_file, imagenet_features
):
    model = ssl_voc.backbone("EfficientNetB0", image_size=64, weights=imagenet_file)
    assert_same_features(features_of(model), imagenet_features)
    # Loaded into the graph that Keras builds for other weights, they are far off.
    bare = keras.applications.EfficientNetB0(
        include_top=False, weights=str(imagenet_file), input_shape=(64, 64, 3)
    )
    with pytest.raises(AssertionError):
        assert_same_features(features_of(bare), imagenet_features)


def test_saved_keras_graph_of_imagenet_gives_its_features(
    downloads, imagenet_features, tmp_path
):
    keras.applications.EfficientNetB0(
        include_top=False, weights="imagenet", input_shape=(64, 64, 3)
    ).save(tmp_path / "imagenet.keras")
    model = ssl_voc.backbone(
        "EfficientNetB0", image_size=64, weights=tmp_path / "imagenet.keras"
    )
    assert_same_features(features_of(model), imagenet_features)


def test_imagenet_weights_survive_copies_and_files(imagenet_file, tmp_path):
    model = ssl_voc.backbone("EfficientNetB0", image_size=64, weights=imagenet_file)
    plain = plain_backbone(model)
    np.testing.assert_allclose(features_of(plain), features_of(model), atol=1e-4)
    plain.save(tmp_path / "backbone.keras")
    again = ssl_voc.backbone(
        "EfficientNetB0", image_size=64, weights=tmp_path / "backbone.keras"
    )
    np.testing.assert_allclose(features_of(again), features_of(model), atol=1e-4)


def test_without_network_imagenet_is_one_clear_line(monkeypatch):
    from keras.src.applications import efficientnet

    def fail(*_, **__):
        raise Exception("URL fetch failure on https://...: None -- unreachable\nmore")

    monkeypatch.setattr(efficientnet.file_utils, "get_file", fail)
    with pytest.raises(ValueError, match="EfficientNetB0 could not be had") as error:
        ssl_voc.backbone("EfficientNetB0", image_size=32, weights="imagenet")
    message = str(error.value)
    assert "\n" not in message and "URL fetch failure" in message
    assert "'..._notop.h5'" in message


def test_imagenet_needs_an_application(tmp_path):
    path = tiny.save_backbone(tmp_path / "tiny.keras")
    with pytest.raises(ValueError, match="keras.applications backbones only"):
        ssl_voc.backbone(path, image_size=32, weights="imagenet")


@pytest.mark.parametrize("image_size", [32, 48, None])
def test_run_folder_loads_at_every_size(run, tiny_model, tmp_path, image_size):
    model = ssl_voc.backbone(tmp_path / "tiny.keras", image_size, weights=run)
    for ours, theirs in zip(model.get_weights(), tiny_model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    if image_size != 48:
        np.testing.assert_allclose(
            features_of(model, 32), features_of(tiny_model, 32), atol=1e-5
        )


def test_keras_file_loads_without_a_record(run, tiny_model, tmp_path):
    weights = run / "backbone.keras"
    model = ssl_voc.backbone(tmp_path / "tiny.keras", image_size=32, weights=weights)
    np.testing.assert_allclose(
        features_of(model, 32), features_of(tiny_model, 32), atol=1e-5
    )


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_run_in_mixed_precision_loads_in_full(tmp_path, policy):
    path = tiny.save_backbone(tmp_path / "tiny.keras")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        mixed = ssl_voc.backbone(path, image_size=32)
    finally:
        keras.config.set_dtype_policy(before)
    tiny.randomize(mixed)
    plain_backbone(mixed).save(tmp_path / "backbone.keras")
    manifest = {"backbone_fingerprint": fingerprint(mixed).tolist()}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    model = ssl_voc.backbone(path, image_size=32, weights=tmp_path)
    np.testing.assert_allclose(fingerprint(model), fingerprint(mixed), rtol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 1e-6], ids=["trained", "hardly trained"])
def test_a_run_whose_file_was_changed_is_refused(run, tiny_model, tmp_path, scale):
    # Features of random EfficientNets are about 1e-6: small, yet to be told apart.
    for name in ("gamma", "beta"):
        weight = getattr(tiny_model.get_layer("norm_1"), name)
        weight.assign(weight * scale)
    manifest = {"backbone_fingerprint": fingerprint(tiny_model).tolist()}
    (run / "manifest.json").write_text(json.dumps(manifest))
    kernel = tiny_model.get_layer("conv_1").kernel
    kernel.assign(kernel * np.linspace(0.5, 1.5, 16))
    plain_backbone(tiny_model).save(run / "backbone.keras")
    with pytest.raises(ValueError, match="not compute the features that its run rec"):
        ssl_voc.backbone(tmp_path / "tiny.keras", image_size=32, weights=run)


def test_another_architecture_is_refused_and_changes_nothing(run):
    with pytest.raises(ValueError, match="holds another architecture") as error:
        ssl_voc.backbone("EfficientNetB0", image_size=32, weights=run)
    assert "10 weights" in str(error.value)
    assert "Name the backbone that was pretrained" in str(error.value)


def test_another_graph_with_the_same_weights_is_refused(tiny_model, tmp_path):
    # Weights of equal shapes, behind another activation.
    def with_tanh(layer):
        if isinstance(layer, keras.layers.ReLU):
            return keras.layers.Activation("tanh", name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    plain = plain_backbone(tiny_model)
    other = keras.models.clone_model(plain, clone_function=with_tanh)
    other.set_weights(tiny_model.get_weights())
    other.save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match="but another graph"):
        ssl_voc.backbone(
            tmp_path / "tiny.keras", image_size=32, weights=tmp_path / "other.keras"
        )


def write_half(source, target):
    """Copies the first half of a legacy file's layers, by their order."""
    with h5py.File(source) as whole, h5py.File(target, "w") as half:
        names = list(whole.attrs["layer_names"])
        kept = names[: len(names) // 2]
        half.attrs["layer_names"] = kept
        for name in kept:
            whole.copy(whole[name], half, name=name)


def test_a_file_that_fits_half_leaves_the_model_untouched(imagenet_file, tmp_path):
    from ssl_voc.models.pretrained_weights import load_pretrained_weights

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
    before, features = model.get_weights(), features_of(model)
    with pytest.raises(ValueError, match="does not fit the backbone") as error:
        load_pretrained_weights(model, "EfficientNetB0", broken)
    assert "\n" not in str(error.value)
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    np.testing.assert_array_equal(features_of(model), features)


def test_a_file_of_fewer_layers_is_refused(imagenet_file, tmp_path):
    write_half(imagenet_file, tmp_path / "half_notop.h5")
    with pytest.raises(ValueError, match="half_notop.h5 does not fit the backbone"):
        ssl_voc.backbone(
            "EfficientNetB0", image_size=64, weights=tmp_path / "half_notop.h5"
        )


def test_weights_file_of_keras_3_loads(tiny_model, tmp_path):
    tiny_model.save_weights(tmp_path / "tiny.weights.h5")
    model = ssl_voc.backbone(
        tmp_path / "tiny.keras", image_size=32, weights=tmp_path / "tiny.weights.h5"
    )
    np.testing.assert_allclose(
        features_of(model, 32), features_of(tiny_model, 32), atol=1e-5
    )


@pytest.mark.parametrize("name", ["empty.h5", "text.h5", "text.keras"])
def test_a_file_that_holds_no_weights_is_named(tmp_path, name):
    path = tiny.save_backbone(tmp_path / "tiny.keras")
    (tmp_path / name).write_text("" if name == "empty.h5" else "no weights")
    with pytest.raises(ValueError, match=name):
        ssl_voc.backbone(path, image_size=32, weights=tmp_path / name)


@pytest.mark.parametrize("name", ["missing.h5", "missing", "."])
def test_missing_weights_say_what_was_expected(tmp_path, name):
    path = tiny.save_backbone(tmp_path / "tiny.keras")
    with pytest.raises(FileNotFoundError, match="Expected 'imagenet', the folder of"):
        ssl_voc.backbone(path, image_size=32, weights=tmp_path / name)


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tiny.save_backbone(tmp_path / "tiny.keras")
    (tmp_path / "weights.pt").write_text("torch")
    with pytest.raises(ValueError, match="a .keras or an .h5 file"):
        ssl_voc.backbone(path, image_size=32, weights=tmp_path / "weights.pt")


def test_fingerprint_tells_weights_apart_and_agrees_across_sizes(tiny_model, tmp_path):
    again = ssl_voc.backbone(tmp_path / "tiny.keras", image_size=32)
    assert not np.allclose(fingerprint(again), fingerprint(tiny_model), rtol=0.02)
    large = ssl_voc.backbone(tmp_path / "tiny.keras", image_size=48)
    large.set_weights(tiny_model.get_weights())
    np.testing.assert_allclose(fingerprint(large, 32), fingerprint(tiny_model))
    assert not np.allclose(fingerprint(large), fingerprint(tiny_model), rtol=0.02)
