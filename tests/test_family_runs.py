"""The path from photos to a served detector on backbones other than EfficientNet."""

import pytest

from ssl_voc import explain, export, finetune, pretrain
from ssl_voc.runs.json_files import read_jsonl
from tests import tiny

SETTINGS = ["--image-size", "64", "--batch-size", "8"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos") / "voc"
    return tiny.write_voc(folder, 16, 4, size=64)


@pytest.mark.slow
def test_a_family_pretrains_resumes_detects_explains_and_exports(tree, tmp_path):
    shared = ["--data", str(tree), "--backbone", "keras_cv:ResNet18V2Backbone"]
    shared += SETTINGS
    pretrained, rows = tmp_path / "pretrained", []
    for epochs in ("1", "2"):
        run = ["--out", str(pretrained), "--epochs", epochs]
        assert pretrain.main([*shared, *run]) == 0
        rows.append(read_jsonl(pretrained / "metrics.jsonl"))
    # With the seconds that each epoch took: begun anew they would be others.
    assert rows[1][:1] == rows[0] and [row["epoch"] for row in rows[1]] == [1, 2]
    run = ["--out", str(tmp_path / "detector"), "--epochs", "1", "--task", "detect"]
    weights = ["--weights", str(pretrained)]
    assert finetune.main([*shared, *run, *weights]) == 0
    of_detector = [str(tmp_path / "detector"), "--data", str(tree)]
    photos = ["--split", "val", "--out", str(tmp_path / "explanation")]
    assert explain.main([*of_detector, *photos]) == 0
    assert (tmp_path / "explanation" / "metrics.json").is_file()
    # An artifact that answers otherwise than its model is not kept.
    assert export.main([*of_detector, "--out", str(tmp_path / "served")]) == 0
    assert (tmp_path / "served" / "1" / "saved_model.pb").is_file()


def test_stochastic_depth_that_a_backbone_lacks_is_bad_input(tree, tmp_path, capsys):
    backbone = tiny.save_backbone(tmp_path / "tiny.keras")
    flags = ["--drop-connect", "0.2", "--backbone", str(backbone)]
    out = ["--out", str(tmp_path / "run")]
    for command in (pretrain, finetune):
        assert command.main(["--data", str(tree), *flags, *SETTINGS, *out]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert "--drop-connect" in line and "tiny.keras" in line
