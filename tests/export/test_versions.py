"""Versions of one model: a server replaces each by the next."""

import json

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.export import ExportConfig, export
from tests.evaluate.oracle import write_records


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"class_names": ["cow"]}, r"class_names \['cow'\], now \['a', 'b'\]"),
        ({"format": "onnx"}, "format 'onnx', now 'savedmodel'"),
        ({"task": "detect"}, "task 'detect', now 'localize'"),
    ],
)
def test_no_version_is_put_on_top_of_another_model(tmp_path, changes, words):
    run = write_records(tmp_path / "run", "photos", class_names=["a", "b"])
    (run / "model.keras").touch()
    facts = {"format": "savedmodel", "task": "localize", "class_names": ["a", "b"]}
    (tmp_path / "out/2").mkdir(parents=True)
    (tmp_path / "out/2/ssl_voc.json").write_text(json.dumps({**facts, **changes}))
    with pytest.raises(BadInput, match=f"out/2 is of another model .{words}.*--name"):
        export(ExportConfig(run=run, out=tmp_path / "out"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["2"]
