"""Saved models load as what they are, and damaged files are named."""

import zipfile

import keras
import pytest

import ssl_voc
from ssl_voc.cli.errors import BadInput, as_bad_input
from ssl_voc.export import ExportConfig
from ssl_voc.export.artifact import write_artifact
from ssl_voc.models import Detector, Localizer, load_model
from ssl_voc.predict.predictors import open_predictor
from ssl_voc.runs.finished_run import FinishedRun
from tests import tiny


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A localizer's file."""
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    tiny.build_localizer().save(path)
    return path


def truncate(path, saved):
    path.write_bytes(saved.read_bytes()[:-500])


def flip_bytes(path, saved):
    """As a failing disk does: the zip's directory stays whole."""
    content = bytearray(saved.read_bytes())
    content[60:160] = bytes(100)
    path.write_bytes(content)


def write_text(path, saved):
    path.write_text("no model")


def write_other_zip(path, saved):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("photo.txt", "no model")


DAMAGES = [truncate, flip_bytes, write_text, write_other_zip]


def test_a_saved_model_is_ready_to_predict(saved):
    model = ssl_voc.load_model(saved)
    assert isinstance(model, Localizer)
    images = tiny.draw_photos(2, 32)
    assert model.predict_on_batch(images)["boxes"].shape == (2, 1, 4)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_no_model_is_named_in_one_line(saved, tmp_path, damage):
    path = tmp_path / "model.keras"
    damage(path, saved)
    with pytest.raises(ValueError, match="cannot be loaded") as error:
        load_model(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value) and len(str(error.value)) < 600


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ImportError(),
        type("ResourceExhaustedError", (Exception,), {})(),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory"),  # as jax says it
    ],
)
def test_a_file_is_not_blamed_for_a_lack_of_memory_or_a_library(
    saved, monkeypatch, error
):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(keras.models, "load_model", fail)
    with pytest.raises(type(error)) as raised:
        load_model(saved)
    assert raised.value is error


def test_a_model_of_another_kind_is_named(saved):
    with pytest.raises(ValueError, match="holds a Localizer; expected a Detector"):
        load_model(saved, Detector)


@pytest.fixture
def damaged(saved, tmp_path):
    """A finished run whose model is truncated."""
    truncate(tmp_path / "model.keras", saved)
    manifest = {
        "task": "localize",
        "class_names": [*tiny.COLORS],
        "image_size": 32,
    }
    return FinishedRun(tmp_path, manifest, {"data": ["scenes"]})


def test_predict_names_a_damaged_model(damaged, monkeypatch):
    (damaged.path / "manifest.json").touch()
    read = "ssl_voc.runs.finished_run.read_finished_run"
    monkeypatch.setattr(read, lambda *_: damaged)
    with pytest.raises(BadInput, match="model.keras"):
        open_predictor(damaged.path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("damaged", "model.keras"), ("backbone", "expected a BoxModel")],
)
def test_export_refuses_what_finds_no_boxes(
    damaged, tmp_path, monkeypatch, content, complaint
):
    if content == "backbone":
        tiny.build_backbone(32).save(damaged.path / "model.keras")
    monkeypatch.setattr("ssl_voc.export.artifact.load_parity_photos", lambda *_: None)
    config = ExportConfig(run=damaged.path, out=tmp_path / "exports")
    with pytest.raises(BadInput, match=complaint), as_bad_input():
        write_artifact(config, damaged)
    assert not (tmp_path / "exports").exists()
