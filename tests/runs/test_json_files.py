"""JSON that any reader accepts."""

import json
from pathlib import Path

import numpy as np
import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.runs.json_files import read_json_dict, read_jsonl, to_json, write_json


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (-np.inf, None),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        (Path("runs/a"), "runs/a"),
        ({1: (2, "drei")}, {"1": [2, "drei"]}),
        (None, None),
        (True, True),
    ],
)
def test_value_is_strict_json_or_a_defect(value, expected):
    text = to_json({"value": value})
    assert json.loads(text, parse_constant=pytest.fail) == {"value": expected}
    with pytest.raises(TypeError, match="Received: object"):
        to_json({"value": object()})


@pytest.mark.parametrize("content", [None, b"", b'{"a": 1', b"[1]", b'{"a": "\xe9"}'])
def test_what_is_no_object_of_json_is_empty(tmp_path, content):
    path = tmp_path / "manifest.json"
    if content is not None:
        path.write_bytes(content)
    assert read_json_dict(path) == {}
    write_json(path, {"a": "Größe"})
    assert read_json_dict(path) == {"a": "Größe"}


def test_line_cut_short_by_a_kill_is_left_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert read_jsonl(path) == []
    # What else Unicode calls a line break does not end a line.
    row = {"image_id": "Größe\u2028b\x85c"}
    assert "Größe" in to_json(row)
    path.write_text(f'{to_json(row)}\n{{"epoch": 2}}\n{{"epo', "utf-8")
    assert read_jsonl(path) == [row, {"epoch": 2}]


@pytest.mark.parametrize("damaged", ["{'loss'", "[1]", "7", "\x00\x00"])
def test_damaged_line_is_named(tmp_path, damaged):
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"epoch": 1}}\n{damaged}\n{{"epoch": 3}}\n')
    with pytest.raises(BadInput, match="metrics.jsonl, line 2: expected a JSON object"):
        read_jsonl(path)
