"""Keras backend of an export: files of models know none, graphs are tensorflow's."""

import os

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.export import ExportConfig, command, export


def test_tensorflow_is_chosen_before_keras_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(command, "current_backend", lambda: None)
    with pytest.raises(BadInput, match="nowhere"):
        export(ExportConfig(run=tmp_path / "nowhere"))
    assert os.environ["KERAS_BACKEND"] == "tensorflow"


def test_another_backend_that_is_loaded_is_bad_input(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "current_backend", lambda: "jax")
    with pytest.raises(BadInput, match="Keras runs on jax in this process"):
        export(ExportConfig(run=tmp_path / "nowhere"))
