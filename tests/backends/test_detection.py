"""`finetune --task detect` and `evaluate` where tensorflow cannot be imported."""

import json

import numpy as np
import pytest
from PIL import Image

import pipelines
from tests import tiny
from tests.pretrain.stopped import rows_of

pytestmark = pytest.mark.slow

SIZE = 64


def test_a_detector_is_trained_and_measured(
    run_without_tensorflow, cache_of_session, tmp_path
):
    tree, run = tiny.write_voc(tmp_path / "voc", 60, 8, size=SIZE), tmp_path / "run"
    tiny.build_deep_backbone(SIZE).save(tmp_path / "deep.keras")
    # Letterboxing is tensorflow's, so that a server can share it; it was done before.
    photos = pipelines.read(tree)
    parts = [*pipelines.split_validation(photos, 0.15, 0), pipelines.read(tree, "val")]
    for part in parts:
        pipelines.prepare_labeled(part, SIZE, cache="disk")
    command = ["-m", "ssl_voc.finetune", "--task", "detect", "--data", tree]
    command += ["--backbone", tmp_path / "deep.keras", "--image-size", SIZE]
    flags = "--batch-size 8 --epochs 2 --mosaic 0.5"
    flags += " --cache disk --learning-rate 0.03 --ema 0.9 --val-share 0.15"
    run_without_tensorflow(*command, *flags.split(), "--out", run)
    rows = rows_of(run)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert rows[1]["loss"] < rows[0]["loss"]
    for name in ("val_voc10_ap50", "val_coco_ap"):
        assert all(0.0 <= row[name] <= 1.0 for row in rows)
    assert np.asarray(Image.open(run / "examples.png")).std() > 10

    out = tmp_path / "evaluation"
    command = ["-m", "ssl_voc.evaluate", run, "--split", "val", "--cache", "disk"]
    run_without_tensorflow(*command, "--out", out)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["num_images"] == metrics["num_objects"] == 8
    assert 0.0 <= metrics["voc10_ap50"] <= 1.0 and 0.0 <= metrics["coco_ap"] <= 1.0
