"""`overwrite`: what a run that begins anew removes of a folder, and what it leaves."""

import itertools
import json
import os
from pathlib import Path

import pytest

from ssl_voc.cli.config_file import read_config_file
from ssl_voc.cli.errors import BadInput
from ssl_voc.runs import replaced_run
from ssl_voc.runs.finished_run import read_finished_run
from ssl_voc.runs.run_folder import RunFolder
from tests.runs.left_runs import Config, contents, leave_run, refusal, start


def replace(folder, **settings):
    """A run that begins in place of another, as a training does."""
    with start(folder, overwrite=True, **settings) as run:
        run.record_settings(Config(**settings))
    return run


def test_overwrite_starts_anew(tmp_path):
    leave_run(tmp_path / "run", finished=True)
    (tmp_path / "run" / "views.png").write_text("old")
    (tmp_path / "a.jpg").write_text("photo")
    (tmp_path / "run" / "link").symlink_to(tmp_path)
    assert not replace(tmp_path / "run", batch_size=128).resuming
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert left == {".lock", "config.yaml", "manifest.json"}
    assert (tmp_path / "a.jpg").exists(), "what a link points to is not of the run"


@pytest.mark.parametrize("owns_folder", [True, False])
def test_what_is_refused_replaces_nothing(tmp_path, owns_folder):
    if not owns_folder:
        (tmp_path / "notes.txt").write_text("precious")
    leave_run(tmp_path, finished=True, overwrite=True)
    (tmp_path / "backbone.keras").write_text("weights")
    (tmp_path / "photos.tsv").write_text("of these weights")
    before = contents(tmp_path)
    with pytest.raises(BadInput, match="no such split"):
        with start(tmp_path, overwrite=True, batch_size=128) as run:
            assert not (tmp_path / "checkpoints").exists()
            run.write_text("data_report.txt", "")
            run.write_text("photos.tsv", "of others")
            raise BadInput("no such split")
    left = contents(tmp_path)
    if not owns_folder:
        del left["data_report.txt"]  # may be anybody's
    assert left == before


def test_what_replaces_a_run_may_be_killed_at_any_moment(tmp_path, monkeypatch):
    def kill_at(number):
        """Kills at one of the changes of the folder; whether it came to that."""
        changes = itertools.count()

        def change(function):
            def changed(*arguments, **options):
                if next(changes) == number:
                    raise Killed
                return function(*arguments, **options)

            return changed

        with monkeypatch.context() as patch:
            for place, name in ((os, "replace"), (os, "unlink"), (os, "rmdir")):
                patch.setattr(place, name, change(getattr(place, name)))
            patch.setattr(Path, "unlink", change(Path.unlink))
            # A process that is killed brings nothing back.
            patch.setattr(RunFolder, "close", lambda run: run._lock.release())
            patch.setattr(replaced_run, "bring_back", lambda path: None)
            try:
                start(tmp_path / "run", overwrite=True, batch_size=128).close()
            except Killed:
                return True
        return False

    leave_run(tmp_path / "run", num_epochs=3, finished=True)
    before = contents(tmp_path / "run")
    for number in range(100):
        was_killed = kill_at(number)
        said = refusal_of_any(tmp_path / "run")
        assert "is finished" in said, number
        assert contents(tmp_path / "run") == before, number
        if not was_killed:
            break
    assert 5 < number < 99


def test_results_that_are_written_are_not_given_up_for_those_of_before(tmp_path):
    leave_run(tmp_path, finished=True, command="evaluate")
    with pytest.raises(KeyboardInterrupt):
        with start(tmp_path, overwrite=True, command="evaluate") as run:
            assert run.is_replacing
            run.write_json("metrics.json", {})
            run.discard_replaced()
            raise KeyboardInterrupt  # while pictures are drawn
    assert (tmp_path / "metrics.json").exists()
    assert not (tmp_path / "summary.json").exists()


def test_a_run_that_a_killed_start_set_aside_is_found_by_those_who_read_it(tmp_path):
    leave_run(tmp_path, finished=True, command="finetune")
    (tmp_path / "model.keras").touch()
    names = {path.name for path in tmp_path.iterdir()} - {".lock"}
    replaced_run.set_aside(tmp_path, names)
    # It goes as far as it does for a run that lacks what training records.
    with pytest.raises(BadInput, match="lack class_names"):
        read_finished_run(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} - {".lock"} == names


class Killed(BaseException):
    """In place of a kill, which no code hears of."""


def refusal_of_any(folder):
    with pytest.raises(BadInput) as raised:
        start(folder)
    return str(raised.value)


def test_a_run_with_a_folder_in_use_is_not_replaced(tmp_path):
    leave_run(tmp_path / "run", finished=True)
    with start(tmp_path / "run" / "evaluation", command="evaluate"):
        said = refusal(tmp_path / "run", overwrite=True)
    assert said == f"--out: another process is writing {tmp_path / 'run/evaluation'}."


def test_overwrite_leaves_foreign_files_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    for _ in range(2):
        run = replace(tmp_path)
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
    replace(tmp_path)
    assert (tmp_path / "labels.jsonl").read_bytes() == labels


def test_overwrite_among_other_files_takes_the_weights_of_a_run_away(tmp_path):
    weights = tmp_path / "backbone.keras"
    (tmp_path / "model.keras").touch()
    leave_run(tmp_path, overwrite=True)
    weights.touch()
    replace(tmp_path)
    assert not weights.exists()
    assert (tmp_path / "model.keras").exists(), "no pretraining writes that"
    # A run that never began has written none.
    weights.touch()
    start(tmp_path, seed=8).close()
    assert weights.exists()


def test_overwrite_replaces_no_run_of_another_command(tmp_path):
    leave_run(tmp_path / "run", finished=True)
    words = refusal(tmp_path / "run", command="predict", overwrite=True)
    assert "holds what pretrain wrote, not predict" in words


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
