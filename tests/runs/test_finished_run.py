"""Records of finished runs: read, or refused with the entry that is wrong."""

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.runs.finished_run import read_finished_run
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
