"""`finetune --task detect`: what differs from localizing."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

import ssl_voc.models  # noqa: F401 registers what model.keras holds
from ssl_voc.callbacks import EpochSeeds
from ssl_voc.cli.errors import BadInput, StoppedEarly
from ssl_voc.finetune import FinetuneConfig, finetune, main
from ssl_voc.finetune.run import FinetuningRun
from ssl_voc.layers import RandomMosaic
from ssl_voc.runs.finished_run import read_finished_run
from ssl_voc.runs.json_files import read_jsonl
from ssl_voc.runs.start import open_run
from tests import tiny

SIZE = 64
# Of fewer than 50 labels none would choose the epoch.
NUM_PHOTOS = 60


@pytest.fixture(scope="module")
def place(tmp_path_factory, curves_of_the_last_epoch):
    """A folder with a VOC tree of many objects and a backbone of stride 32."""
    folder = tmp_path_factory.mktemp("detect")
    keras.utils.set_random_seed(0)
    tiny.build_deep_backbone(SIZE).save(folder / "deep.keras")
    batch = tiny.detection_batch(NUM_PHOTOS, SIZE)
    names, targets = [*tiny.COLORS], batch["bounding_boxes"]
    objects = [
        [(names[int(n)], box, False) for box, n in zip(*rows, strict=True) if n >= 0]
        for rows in zip(targets["boxes"], targets["classes"], strict=True)
    ]
    photos = [*zip(batch["images"], objects, strict=True)]
    tiny.write_voc_tree(folder / "voc", photos, NUM_PHOTOS)
    return folder


def config(place, out, **changes):
    settings = {
        "task": "detect",
        "data": (str(place / "voc"),),
        "backbone": str(place / "deep.keras"),
        "out": out,
        "image_size": SIZE,
        "batch_size": 8,
        "epochs": 2,
        "learning_rate": 0.03,
        "val_share": 0.15,
    }
    return FinetuneConfig(**{**settings, **changes})


@pytest.fixture(scope="module")
def finished(place):
    out = place / "run"
    return out, finetune(config(place, out, mosaic=0.5))


def test_the_run_tells_what_a_detector_is_judged_by(finished):
    run, summary = finished
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["task"] == "detect"
    assert manifest["class_names"] == ["blue", "green", "red"]
    assert manifest["max_boxes"] == 3
    assert manifest["median_sides"].keys() == {"blue", "green", "red"}
    rows = read_jsonl(run / "metrics.jsonl")
    assert {"loss", "boxes_loss", "sides_loss", "classes_loss", "matched_iou"} <= rows[
        -1
    ].keys()
    # Of epochs that found nothing yet the last one is kept.
    score = max(row["val_coco_ap"] for row in rows)
    best = [row for row in rows if row["val_coco_ap"] == score][0 if score else -1]
    for name in ("epoch", "val_coco_ap"):
        assert summary[name] == best[name]
    assert summary["training_matched_iou"] == best["matched_iou"]
    for name in ("curves.png", "examples.png", "predictions.png"):
        assert np.asarray(Image.open(run / name)).std() > 10
    # The last photo shows nothing and is learned from all the same.
    assert summary["num_images"] + summary["num_validation"] == NUM_PHOTOS
    model = keras.models.load_model(run / "model.keras")
    model.run_eagerly = True  # quick for a single prediction
    found = model.predict(tiny.detection_batch(4)["images"], verbose=0)
    assert found["boxes"].shape == (4, 100, 4)
    assert model.num_classes == 3


@pytest.mark.slow
def test_a_run_goes_on_as_if_never_stopped(place, finished, monkeypatch):
    out = place / "stopped"
    settings = config(place, out, mosaic=0.5)
    begin = EpochSeeds.on_epoch_begin

    def stop(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt
        begin(self, epoch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(EpochSeeds, "on_epoch_begin", stop)
        with pytest.raises(StoppedEarly, match="1 of 2 epochs are saved"):
            finetune(settings)
    with pytest.raises(BadInput, match="--resume .*--finish"):
        read_finished_run(out)
    ended = dataclasses.replace(settings, out=place / "ended", finish=True)
    with pytest.raises(BadInput, match="no checkpoint of an epoch"):
        finetune(ended)
    assert not ended.out.exists()
    shutil.copytree(out, ended.out)
    assert finetune(ended)["epoch"] == 1
    assert read_finished_run(ended.out).task == "detect"
    again = finetune(settings)
    _, whole = finished
    for name in ("loss", "training_matched_iou", "val_voc10_ap50"):
        # Not demanded bit for bit: deterministic kernels would stay on for all tests.
        assert again[name] == pytest.approx(whole[name], rel=1e-2), name


@pytest.mark.slow
def test_a_time_that_is_long_makes_a_mosaic_of_each_picture(place, capsys, monkeypatch):
    settings = config(place, place / "timed", epochs=None, time="9m").resolved()
    with open_run(settings, "finetune") as folder:
        run = FinetuningRun(settings, folder)
        folder.record_settings(settings)
        run.checkpoints.mkdir()
        rates, draw = [], RandomMosaic.draw_layout
        monkeypatch.setattr(
            RandomMosaic,
            "draw_layout",
            lambda layer, number: rates.append(layer.rate) or draw(layer, number),
        )
        run.measure_step(run.timed_batches()[0])
        assert rates and set(rates) == {0.5}
        run.set_epochs(700)  # of 6 steps
        rates.clear()
        run.measure_step(run.timed_batches()[0])
        assert rates and set(rates) == {1.0}
        # What the pace corrects later changes no picture.
        run.set_epochs(20)
    told = [row for row in capsys.readouterr().out.splitlines() if "mosaics" in row]
    assert [row.partition(", ")[0] for row in told] == [
        "mosaics: 100% of the pictures",
        "mosaics: 100% of the pictures",
    ]
    assert "by the length" in told[0] and "as the run began" in told[1]
    with open_run(settings, "finetune") as folder:
        again = FinetuningRun(settings, folder)
    assert again.config.epochs == 20 and again.student.augmenter.mosaic_rate == 1.0
    assert "as the run began" in capsys.readouterr().out


def test_a_backbone_too_shallow_for_detection_is_one_line(place, capsys):
    tiny.save_backbone(place / "shallow.keras", SIZE)
    arguments = ["--task", "detect", "--data", str(place / "voc"), "--image-size", "64"]
    arguments += ["--backbone", str(place / "shallow.keras")]
    assert main([*arguments, "--out", str(place / "refused")]) == 2
    error = capsys.readouterr().err
    assert "has no feature map of stride 8" in error
    assert "Traceback" not in error
