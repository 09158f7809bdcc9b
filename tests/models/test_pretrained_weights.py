"""Weights arrive as features, or not at all."""

import json
import shutil

import keras
import numpy as np
import pytest

import ssl_voc
from ssl_voc.models import fingerprint, plain_backbone
from tests import tiny
from tests.dtype_policies import dtype_policy


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folder of what `tiny_model` and `run` say, the model and its weights."""
    folder = tmp_path_factory.mktemp("made")
    model = ssl_voc.backbone(tiny.save_backbone(folder / "tiny.keras"), image_size=32)
    tiny.randomize(model, seed=1)
    (folder / "run").mkdir()
    plain_backbone(model).save(folder / "run" / "backbone.keras")
    manifest = {"backbone_fingerprint": fingerprint(model).tolist()}
    (folder / "run" / "manifest.json").write_text(json.dumps(manifest))
    return folder, model, model.get_weights()


@pytest.fixture
def tiny_model(made, tmp_path):
    """A tiny backbone with other weights than its file, `tiny.keras`."""
    folder, model, weights = made
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    model.set_weights(weights)
    return model


@pytest.fixture
def run(tiny_model, tmp_path):
    """A finished run's folder: backbone and recorded fingerprint."""
    return tmp_path / "run"


def test_a_weights_file_may_hold_what_the_backbone_holds_already(made, tmp_path):
    path = made[0] / "tiny.keras"
    model = ssl_voc.backbone(path, image_size=32)
    model.save_weights(tmp_path / "tiny.weights.h5")
    again = ssl_voc.backbone(path, 32, weights=tmp_path / "tiny.weights.h5")
    np.testing.assert_array_equal(fingerprint(again), fingerprint(model))


@pytest.mark.parametrize(
    ("weights", "image_size"),
    [
        ("run", 32),
        ("run", 48),
        ("run", None),
        ("run/backbone.keras", 32),  # without a record
        ("tiny.weights.h5", 32),
    ],
)
def test_weights_of_every_kind_load(run, tiny_model, tmp_path, weights, image_size):
    tiny_model.save_weights(tmp_path / "tiny.weights.h5")
    model = ssl_voc.backbone(
        tmp_path / "tiny.keras", image_size, weights=tmp_path / weights
    )
    for ours, theirs in zip(model.get_weights(), tiny_model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    if image_size != 48:
        np.testing.assert_allclose(
            tiny.features_of(model, 32), tiny.features_of(tiny_model, 32), atol=1e-5
        )


def test_home_is_known_without_a_shell(run, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))  # as in --weights=~/run, or a config
    model = ssl_voc.backbone("~/tiny.keras", image_size=32, weights="~/run")
    np.testing.assert_array_equal(model.get_weights()[0], tiny_model.get_weights()[0])


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_run_in_mixed_precision_loads_in_full(made, tmp_path, policy):
    path = made[0] / "tiny.keras"
    with dtype_policy(policy):
        mixed = ssl_voc.backbone(path, image_size=32)
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


def test_a_run_whose_record_is_damaged_gives_its_weights_unchecked(
    run, tiny_model, tmp_path
):
    (run / "manifest.json").write_text("[]")
    model = ssl_voc.backbone(tmp_path / "tiny.keras", image_size=32, weights=run)
    np.testing.assert_array_equal(model.get_weights()[0], tiny_model.get_weights()[0])


def test_another_architecture_is_refused(run, tmp_path):
    tiny.build_plain_backbone().save(tmp_path / "plain.keras")
    with pytest.raises(ValueError, match="holds another architecture") as error:
        ssl_voc.backbone(tmp_path / "plain.keras", image_size=32, weights=run)
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


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("empty.h5", "", ValueError, "empty.h5"),
        ("text.h5", "no weights", ValueError, "text.h5"),
        ("text.keras", "no weights", ValueError, "text.keras"),
        ("weights.pt", "torch", ValueError, "a .keras or an .h5 file"),
        ("missing.h5", None, FileNotFoundError, "Expected 'imagenet', the folder of"),
        ("missing", None, FileNotFoundError, "Expected 'imagenet', the folder of"),
        (".", None, FileNotFoundError, "Expected 'imagenet', the folder of"),
    ],
)
def test_what_holds_no_weights_is_named(
    tiny_model, tmp_path, name, content, error, message
):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(error, match=message):
        ssl_voc.backbone(tmp_path / "tiny.keras", 32, weights=tmp_path / name)


def test_fingerprint_tells_weights_apart_and_agrees_across_sizes(tiny_model, tmp_path):
    again = ssl_voc.backbone(tmp_path / "tiny.keras", image_size=32)
    assert not np.allclose(fingerprint(again), fingerprint(tiny_model), rtol=0.02)
    large = ssl_voc.backbone(tmp_path / "tiny.keras", image_size=48)
    large.set_weights(tiny_model.get_weights())
    np.testing.assert_allclose(fingerprint(large, 32), fingerprint(tiny_model))
    assert not np.allclose(fingerprint(large), fingerprint(tiny_model), rtol=0.02)


def test_a_change_of_features_beside_the_recorded_ones_is_found(run, tmp_path):
    # Of 16 features the fingerprint has every other; channel 1 is in its norm alone.
    path = run / "backbone.keras"
    model = keras.models.load_model(path)
    gamma = model.get_layer("norm_1").gamma
    gamma.assign(gamma * np.where(np.arange(16) == 1, 3.0, 1.0))
    model.save(path)
    with pytest.raises(ValueError, match="not compute the features that its run rec"):
        ssl_voc.backbone(tmp_path / "tiny.keras", image_size=32, weights=run)
