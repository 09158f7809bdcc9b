"""Runs that ended where a test wants it, and what a refused start says."""

import dataclasses
from pathlib import Path

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.runs.run_folder import RunFolder


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of the runs in these tests."""

    epochs: int = 3
    batch_size: int = 64
    data: tuple[str, ...] = ("photos",)
    weights: Path | None = None
    seed: int = 7
    out: Path | None = None
    overwrite: bool = False


def start(folder, command="pretrain", overwrite=False, **settings):
    return RunFolder.open(folder, Config(**settings), command, overwrite=overwrite)


def leave_run(folder, num_epochs=2, finished=False, without_config=False, **settings):
    """Writes a run of `num_epochs` epochs, as if its process had ended there."""
    with start(folder, **settings) as run:
        (run.path / "checkpoints").mkdir()
        (run.path / "checkpoints" / f"epoch_{num_epochs:05d}.npz").touch()
        run.update_manifest(num_photos=1550)
        for epoch in range(1, num_epochs + 1):
            run.append_jsonl("metrics.jsonl", {"epoch": epoch, "loss": 1 / epoch})
        if finished:
            run.finish({"loss": 0.5})
        if without_config:
            (run.path / "config.yaml").unlink()


def refusal(folder, **arguments):
    before = contents(folder)
    with pytest.raises(BadInput) as raised:
        start(folder, **arguments)
    assert contents(folder) == before, "a refused start must change nothing"
    return str(raised.value)


def contents(folder):
    if not folder.is_dir():
        return None
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }
