"""Records of finished runs: read, or refused with the entry that is wrong."""

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.runs.finished_run import read_finished_run
from ssl_voc.runs.folder_lock import lock_folder
from tests.evaluate.oracle import NAMES, SIDE, write_records


def test_records_are_read(tmp_path):
    finished = read_finished_run(write_records(tmp_path / "run", "photos"))
    assert (finished.class_names, finished.data) == (NAMES, ("photos",))
    assert finished.manifest["image_size"] == SIDE


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("image_size", "48"),
        ("image_size", None),
        ("class_names", "cat"),
        ("class_names", ["cat", 3]),
        ("task", ["detect"]),
    ],
)
def test_an_entry_of_another_kind_is_named(tmp_path, entry, value):
    write_records(tmp_path / "run", "photos", **{entry: value})
    with pytest.raises(BadInput, match=f"manifest.json .* is damaged: {entry}"):
        read_finished_run(tmp_path / "run")


def test_data_that_are_no_list_are_named(tmp_path):
    run = write_records(tmp_path / "run", "photos")
    (run / "config.yaml").write_text("data: 5\n")
    with pytest.raises(BadInput, match="config.yaml .* is damaged: data is '5'"):
        read_finished_run(run)


@pytest.mark.parametrize(
    ("planned", "progress"), [({}, "2 epochs"), ({"epochs": 5}, "2 of 5 epochs")]
)
def test_a_run_in_training_is_told_with_its_epochs(tmp_path, planned, progress):
    run = write_records(tmp_path / "run", "photos", **planned)
    (run / "summary.json").unlink()
    (run / "metrics.jsonl").write_text('{"epoch": 1}\n{"epoch": 2}\n')
    lock = lock_folder(run)
    with pytest.raises(BadInput, match=f"training .*{progress}.* Wait .*--finish"):
        read_finished_run(run)
    lock.release()
    with pytest.raises(BadInput, match="not finished.*--resume"):
        read_finished_run(run)


def test_a_misspelled_run_is_told_with_what_was_meant(tmp_path):
    run = write_records(tmp_path / "detector", "photos")
    with pytest.raises(BadInput, match=f"^--model: .*Did you mean {run}"):
        read_finished_run(tmp_path / "detectr", "--model")
