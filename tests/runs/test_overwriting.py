"""`overwrite`: what a run that begins anew removes of a folder, and what it leaves."""

import contextlib
import json
from pathlib import Path

import pytest

from ssl_voc.cli.config_file import read_config_file
from tests.runs.left_runs import leave_run, refusal, start


def test_overwrite_starts_anew(tmp_path):
    leave_run(tmp_path / "run", finished=True)
    (tmp_path / "run" / "views.png").write_text("old")
    (tmp_path / "a.jpg").write_text("photo")
    (tmp_path / "run" / "link").symlink_to(tmp_path)
    with start(tmp_path / "run", overwrite=True, batch_size=128) as run:
        assert not run.resuming
        left = {path.name for path in run.path.iterdir()}
    assert left == {".lock", "config.yaml", "manifest.json"}
    assert (tmp_path / "a.jpg").exists(), "what a link points to is not of the run"


def test_overwrite_that_is_killed_after_every_file_can_be_repeated(
    tmp_path, monkeypatch
):
    remove, removed = Path.unlink, []

    def remove_one(path, missing_ok=False):
        if removed:
            raise KeyboardInterrupt
        removed.append(path.name)
        remove(path, missing_ok)

    leave_run(tmp_path / "run", finished=True)
    monkeypatch.setattr(Path, "unlink", remove_one)
    order = []
    while len(order) < 20:
        removed.clear()
        with contextlib.suppress(KeyboardInterrupt):
            start(tmp_path / "run", overwrite=True).close()
            break
        order += removed
    assert [*order, *removed][-1] == "manifest.json"
    assert {"summary.json", "config.yaml"} <= {*order}


def test_overwrite_leaves_foreign_files_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    for _ in range(2):
        with start(tmp_path, overwrite=True) as run:
            assert not run.resuming
            run.append_jsonl("metrics.jsonl", {"epoch": 1})
        assert (tmp_path / "thesis.tex").read_text() == "precious"
        assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 1
    (tmp_path / "theirs" / "checkpoints").mkdir(parents=True)
    assert "of another program" in refusal(tmp_path / "theirs", overwrite=True)
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "metrics.jsonl").write_text("theirs")
    said = refusal(tmp_path / "log", overwrite=True)
    assert "holds metrics.jsonl of another program" in said


def test_lines_of_others_stay_byte_for_byte(tmp_path):
    labels = b'{"name": "caf\xe9"}\n{"name": "tea"}'
    (tmp_path / "labels.jsonl").write_bytes(labels)
    leave_run(tmp_path, overwrite=True)
    with start(tmp_path) as run:
        assert run.resuming
    start(tmp_path, overwrite=True).close()
    assert (tmp_path / "labels.jsonl").read_bytes() == labels


def test_overwrite_among_other_files_takes_the_weights_of_a_run_away(tmp_path):
    weights = tmp_path / "backbone.keras"
    (tmp_path / "model.keras").touch()
    leave_run(tmp_path, overwrite=True)
    weights.touch()
    start(tmp_path, overwrite=True).close()
    assert not weights.exists()
    assert (tmp_path / "model.keras").exists(), "no pretraining writes that"
    # A run that never began has written none.
    weights.touch()
    start(tmp_path, seed=8).close()
    assert weights.exists()


def test_overwrite_replaces_no_run_of_another_command(tmp_path):
    leave_run(tmp_path / "run", finished=True)
    words = refusal(tmp_path / "run", command="predict", overwrite=True)
    assert "holds a run of pretrain, not of predict" in words


def test_run_that_never_began_may_be_corrected(tmp_path):
    start(tmp_path / "run", data=("fotos",)).close()
    (tmp_path / "run" / "notes.txt").write_text("precious")
    with start(tmp_path / "run", data=("photos",)) as run:
        assert not run.resuming
        assert read_config_file(run.path / "config.yaml")["data"] == ["photos"]
    # Nobody asked for --overwrite.
    assert (tmp_path / "run" / "notes.txt").read_text() == "precious"
    (tmp_path / "run" / "config.yaml").unlink()  # killed after its first file
    with start(tmp_path / "run") as run:
        assert not run.resuming


@pytest.mark.parametrize(
    ("entry", "value"), [("starts", 3), ("starts", None), ("epochs", "x")]
)
def test_a_damaged_manifest_is_told_and_may_be_replaced(tmp_path, entry, value):
    leave_run(tmp_path / "run")
    path = tmp_path / "run" / "manifest.json"
    manifest = json.loads(path.read_text()) | {entry: value}
    path.write_text(json.dumps(manifest))
    assert f"damaged: {entry} is {value!r}" in refusal(tmp_path / "run").replace(
        f"'{value}'", repr(value)
    )
    assert not begin_anew(tmp_path / "run").resuming


def begin_anew(folder):
    with start(folder, overwrite=True) as run:
        return run
