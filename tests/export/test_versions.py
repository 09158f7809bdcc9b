"""Versions of one model: a server replaces each by the next."""

import json
from pathlib import Path

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.export import ExportConfig, export
from tests.evaluate.oracle import write_records


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"class_names": ["cow"]}, "class_names cow 0 -> none"),
        ({"class_names": ["b"]}, "class_names b 0 -> 1"),
        ({"class_names": ["a", "c", "b"]}, "class_names c 1 -> none"),
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


@pytest.mark.parametrize("before", [["a", "b"], ["a"]])
def test_classes_of_before_and_new_ones_behind_them_are_the_same_model(
    tmp_path, before
):
    run = write_records(tmp_path / "run", "photos", class_names=["a", "b"])
    (run / "model.keras").touch()
    facts = {"format": "savedmodel", "task": "localize", "class_names": before}
    (tmp_path / "out/2").mkdir(parents=True)
    (tmp_path / "out/2/ssl_voc.json").write_text(json.dumps(facts))
    config = ExportConfig(run=run, out=tmp_path / "out", data=("nowhere",))
    with pytest.raises(BadInput, match="nowhere"):  # the next thing that is wrong
        export(config)


@pytest.mark.parametrize("out", ["7", "newest", "."])
def test_a_version_is_no_folder_of_versions(tmp_path, monkeypatch, out):
    cats = tmp_path / "cats"
    (cats / "newest").mkdir(parents=True)
    for folder in (cats, cats / "newest"):
        (folder / "saved_model.pb").touch()
    monkeypatch.chdir(cats)
    config = ExportConfig(run=write_records(tmp_path / "run", "photos"), out=Path(out))
    words = f"--out: {cats / out} is a version.*, {(cats / out).parent}; the number"
    with pytest.raises(BadInput, match=words):
        export(config)
