"""Devices of an export: CPUs, in a process that keeps its accelerators."""

import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from ssl_voc.cli.errors import BadInput
from ssl_voc.export import (
    ExportConfig,
    artifact,
    command,
    export,
    parity,
    parity_photos,
)
from tests.evaluate.oracle import write_records
from tests.tiny import build_localizer


@pytest.fixture
def elsewhere():
    """Chooses a device that no machine has: what is not put elsewhere raises."""
    was_soft = tf.config.get_soft_device_placement()
    tf.config.set_soft_device_placement(False)
    with tf.device("GPU:7"):
        yield
    tf.config.set_soft_device_placement(was_soft)


def test_accelerators_are_left_to_what_the_process_does_next(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(command, "load_framework", lambda *device: asked.append(device))
    run = write_records(tmp_path / "run", "photos")
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="empty"):
        export(ExportConfig(run=run, out=tmp_path / "out", data=(str(empty),)))
    assert asked == [()]


def test_the_artifact_is_asked_without_a_gpu(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    asked = []

    def run(command, *, env, **options):
        asked.append(env)
        return subprocess.CompletedProcess(command, 1, "", "no such device")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(BadInput, match="no such device"):
        parity.ask_artifact(tmp_path, [b""])
    assert asked[0]["CUDA_VISIBLE_DEVICES"] == ""


def test_the_model_is_loaded_on_the_cpu_without_xla(monkeypatch, elsewhere):
    def load(*_):
        model = build_localizer()
        model.jit_compile = True  # as where there are GPUs
        return model

    monkeypatch.setattr(artifact, "load_finished_model", load)
    trained, model = artifact._load(None)
    assert model is trained and model.jit_compile is False


def test_the_model_is_asked_on_the_cpu(elsewhere):
    def predict(images, **arguments):
        return {"boxes": tf.zeros((len(images), 1, 4))}

    images = np.zeros((2, 16, 16, 3), "uint8")
    held = SimpleNamespace(images=images, sizes=np.full((2, 2), 16))
    model = SimpleNamespace(predict=predict)
    answers = parity_photos.answers_of_model(model, held)
    assert answers["boxes"].shape == (2, 1, 4)
