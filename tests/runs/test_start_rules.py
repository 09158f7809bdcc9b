"""Backend and packages of a run that resumes."""

import dataclasses
import json

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.runs import environment, run_folder, start_rules
from ssl_voc.runs.run_folder import RunFolder


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the runs in these tests."""

    epochs: int = 3


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Returns `start(backend, **options)`, which opens the same folder each time."""

    def start(backend, **options):
        for module in (start_rules, run_folder):
            monkeypatch.setattr(module, "current_backend", lambda: backend)
        compute = {"backend": backend} if backend else {}
        monkeypatch.setattr(run_folder, "describe_compute", lambda: compute)
        return RunFolder.open(tmp_path / "run", Config(), "pretrain", **options)

    with start("jax") as run:
        (run.path / "checkpoints").mkdir()
    return start


def test_going_on_under_another_backend_is_refused(start, tmp_path):
    with pytest.raises(BadInput, match="began under the jax.*KERAS_BACKEND=jax"):
        start("torch")
    with start("jax") as run:
        assert run.resuming
    with start("torch", overwrite=True) as run:
        assert not run.resuming


def test_commands_without_keras_ask_for_no_backend(start):
    with start(None) as run:
        assert run.resuming


def test_every_start_records_its_packages_and_backend(start, monkeypatch):
    with start("jax") as run:
        starts = json.loads((run.path / "manifest.json").read_text())["starts"]
    assert [entry["backend"] for entry in starts] == ["jax", "jax"]
    expected = environment.describe_software()["packages"]
    assert [entry["packages"] for entry in starts] == [expected] * 2
