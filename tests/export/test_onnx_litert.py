"""ONNX and LiteRT exports, by their own runtimes."""

import sys

import pytest

from ssl_voc.export import ExportConfig, export, main
from tests.evaluate.detection_oracle import write_detection_run
from tests.evaluate.oracle import SIDE
from tests.serving.artifacts import build_small_detector

pytestmark = [
    pytest.mark.slow,
    # tf2onnx, and what it stands on, speak to older NumPy and protobuf.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(params=["localize", "detect"])
def run(request, tmp_path, tree):
    if request.param == "detect":
        return write_detection_run(tmp_path / "run", tree, build_small_detector(SIDE))
    return request.getfixturevalue("localizer_run")


@pytest.mark.parametrize(
    ("format", "needed", "file"),
    [
        ("onnx", ("tf2onnx", "onnxruntime"), "model.onnx"),
        ("litert", ("ai_edge_litert",), "model.tflite"),
    ],
)
def test_file_answers_what_the_model_does_and_says_what_is_missing(
    format, needed, file, run, tree, tmp_path, capsys
):
    for name in needed:
        pytest.importorskip(name)
    out = tmp_path / "models"
    exported = export(
        ExportConfig(run=run, out=out, format=format, data=(str(tree),), split="val")
    )
    parity = exported.facts["parity"]
    assert parity["num_photos"] == 6 and parity["box_difference"] < 1e-3
    assert parity["of_artifact"] == pytest.approx(parity["of_model"], abs=1e-5)
    names = {path.name for path in exported.path.iterdir()}
    assert names == {file, "README.md", "ssl_voc.json"}
    assert "no `class_names`" in capsys.readouterr().out
    assert "letterboxed" in (exported.path / "README.md").read_text()


def test_a_library_that_is_missing_is_named(
    localizer_run, tree, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    monkeypatch.chdir(tmp_path)
    flags = ["--format=onnx", f"--data={tree}", "--split=val"]
    assert main([str(localizer_run), *flags]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "pip install '.[onnx]'" in line
    assert not (tmp_path / "saved_models/pets-onnx").exists()
