"""`python -m ssl_voc.pretrain --objective supervised`: learning from labels."""

import json
import os
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

import pipelines
import ssl_voc
from ssl_voc.cli.errors import BadInput
from ssl_voc.metrics import wilson
from ssl_voc.pretrain import PretrainConfig, main, pretrain
from ssl_voc.pretrain.objectives import supervised_photos
from ssl_voc.pretrain.run import PretrainingRun
from ssl_voc.runs.run_folder import RunFolder
from tests import tiny
from tests.conftest import REPOSITORY

# Of the 60 with a label, 15 % are held out: a seeded, stratified 9.
CLASSES = {"dark": 30, "light": 15, "middling": 15}
NUM_HELD_OUT = 9
NUM_UNLABELLED = 4
BRIGHTNESS = {"dark": 0, "middling": 80, "light": 160}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Photos in folders of three classes, some in none, and a tiny backbone."""
    folder = tmp_path_factory.mktemp("supervised")
    tiny.save_backbone(folder / "tiny.keras")
    photos = iter(tiny.draw_photos(60 + NUM_UNLABELLED))
    for name, count in CLASSES.items():
        (folder / "photos" / name).mkdir(parents=True)
        for index in range(count):
            pixels = next(photos) // 3 + BRIGHTNESS[name]
            path = folder / "photos" / name / f"{name}_{index}.png"
            Image.fromarray(pixels.astype("uint8")).save(path)
    for index, pixels in enumerate(photos):
        Image.fromarray(pixels).save(folder / "photos" / f"none_{index}.png")
    return folder


def config(place, out, **changes):
    settings = {
        "objective": "supervised",
        "data": (str(place / "photos"),),
        "backbone": str(place / "tiny.keras"),
        "out": out,
        "image_size": 32,
        "batch_size": 8,
        "epochs": 2,
        "learning_rate": 0.3,
    }
    return PretrainConfig(**{**settings, **changes})


def image_ids(path):
    return set(pipelines.read_photo_table(path).image_ids)


@pytest.fixture(scope="module")
def whole(place):
    """A run of a few epochs: its folder and its summary."""
    out = place / "whole"
    return out, pretrain(config(place, out, epochs=8))


def test_run_folder_holds_what_that_of_another_objective_holds(whole):
    run, _ = whole
    for name in (
        "config.yaml",
        "manifest.json",
        "metrics.jsonl",
        "summary.json",
        "backbone.keras",
        "skipped.txt",
        "photos.tsv",
        "validation_photos.tsv",
        "views.png",
        "curves.png",
    ):
        assert (run / name).is_file(), name


def test_labels_are_learned_and_the_summary_says_how_well(whole):
    run, summary = whole
    assert summary == json.loads((run / "summary.json").read_text())
    # Brightness tells the classes apart: half of the photos are of the commonest.
    assert summary["loss_over_chance"] < 0.8
    assert summary["training_top1"] > 0.6
    assert summary["val_top1_ci"] == pytest.approx(
        wilson.wilson_interval(summary["val_top1"], NUM_HELD_OUT)
    )
    assert summary["num_classes"] == 3
    assert "training_top3" not in summary  # of three classes always 1
    assert 1 <= summary["effective_rank"] <= 16
    # What was learned by heart is no figure.
    assert not any(name.startswith("knn") for name in summary)


def test_photos_without_label_are_left_out_and_counted(whole):
    run, summary = whole
    manifest = json.loads((run / "manifest.json").read_text())
    assert summary["num_unlabelled"] == manifest["num_unlabelled"] == NUM_UNLABELLED
    assert manifest["class_names"] == ["dark", "light", "middling"]
    seen = image_ids(run / "photos.tsv") | image_ids(run / "validation_photos.tsv")
    assert len(seen) == 60 and not any(name.startswith("none") for name in seen)


def test_held_out_photos_are_in_no_batch(whole):
    run, summary = whole
    learned = image_ids(run / "photos.tsv")
    held_out = image_ids(run / "validation_photos.tsv")
    assert len(held_out) == summary["num_validation"] == NUM_HELD_OUT
    assert not learned & held_out
    assert summary["num_images"] == len(learned) == 60 - NUM_HELD_OUT


def test_figures_are_those_that_the_model_gives(place, tmp_path):
    settings = config(place, tmp_path / "run", epochs=1).resolved()
    with RunFolder.open(settings.out, settings, "pretrain") as run:
        pretraining = PretrainingRun(settings, run)
        pretraining.fit()
        (row,) = run.read_jsonl("metrics.jsonl")
        held_out = pretraining.objective.photos.held_out
        logits = keras.ops.convert_to_numpy(pretraining.model(held_out.images))
        names = pretraining.objective.class_names
        summary = pretraining.finish()
    labels = np.array([names.index(photo.label) for photo in held_out.photos])
    top1 = np.mean(logits.argmax(axis=1) == labels)
    assert row["val_top1"] == summary["val_top1"] == pytest.approx(top1)
    assert summary["val_majority"] == pytest.approx(np.mean(labels == 0))
    own = logits - np.log(np.sum(np.exp(logits), axis=1, keepdims=True))
    loss = -np.mean(own[np.arange(len(labels)), labels])
    assert row["val_loss"] == pytest.approx(loss, rel=1e-4)
    # Of 51 photos 26 are dark: what is known without a look at the photo.
    counts = [CLASSES[name] - np.sum(labels == i) for i, name in enumerate(names)]
    shares = np.array(counts) / 51
    chance = -np.sum(shares * np.log(shares))
    assert row["loss_over_chance"] == pytest.approx(row["loss"] / chance, rel=1e-5)


def test_backbone_serves_what_comes_next(place, whole):
    run, _ = whole
    backbone = ssl_voc.backbone(place / "tiny.keras", image_size=32, weights=run)
    start = keras.models.load_model(place / "tiny.keras")
    change = backbone.get_weights()[0] - start.get_weights()[0]
    assert np.abs(change).max() > 1e-3


def test_last_words_tell_held_out_photos_from_learned_ones(place, tmp_path, capsys):
    pretrain(config(place, tmp_path / "run", epochs=1))
    printed = capsys.readouterr().out
    assert "left 4 photos without a label out" in printed
    assert "of chance); top-1 of training views" in printed
    assert "(9 photos, in no batch)" in printed
    assert "--weights" in printed and "ssl_voc.backbone(" in printed
    assert "k-NN" not in printed


def test_without_a_share_every_labelled_photo_is_learned(place, tmp_path):
    out = tmp_path / "run"
    summary = pretrain(config(place, out, epochs=1, val_share=0.0))
    assert summary["num_images"] == 60 and summary["num_validation"] == 0
    assert not any(name.startswith("val_") for name in summary)
    assert not image_ids(out / "validation_photos.tsv")


def test_twins_of_training_photos_do_not_count_as_held_out(place, tmp_path):
    folder = tmp_path / "photos"
    for path in sorted((place / "photos").glob("*/*.png")):
        target = folder / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        Image.open(path).save(target.with_name(f"twin_{path.stem}.jpg"))
    out = tmp_path / "run"
    summary = pretrain(config(place, out, data=(str(folder),), epochs=1))
    tables = [
        pipelines.read_photo_table(out / name)
        for name in ("photos.tsv", "validation_photos.tsv")
    ]
    learned, held_out = (
        {name.removeprefix("twin_") for name in table.image_ids} for table in tables
    )
    assert not learned & held_out
    # Of 18 that were drawn, nearly all had their twin among the other 102.
    assert summary["num_validation"] == len(tables[1]) < 9


def test_no_more_photos_than_the_limit_are_held_out(place, tmp_path, monkeypatch):
    monkeypatch.setattr(supervised_photos, "MAX_HELD_OUT", 4)
    settings = config(place, tmp_path / "run").resolved()
    assert len(supervised_photos.prepare_supervised_photos(settings).held_out) == 4


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        (None, "none of the 12 photos of photos has a label.*--objective simclr"),
        (["cat"] * 12, "all 12 labelled photos of photos are of one class, 'cat'"),
    ],
)
def test_photos_that_cannot_be_told_apart_by_labels_are_an_error(
    place, tmp_path, labels, complaint
):
    arrays = {"images": tiny.draw_photos(12)}
    if labels is not None:
        arrays["labels"] = np.array(labels)
    np.savez(tmp_path / "photos.npz", **arrays)
    with pytest.raises(BadInput, match=complaint):
        pretrain(config(place, tmp_path / "run", data=(str(tmp_path / "photos.npz"),)))


@pytest.mark.parametrize(
    ("objective", "flag", "value", "owner"),
    [
        ("supervised", "--temperature", "0.5", "simclr"),
        ("supervised", "--projection-layers", "3", "simclr"),
        ("simclr", "--dropout", "0.1", "supervised"),
        ("simclr", "--val-share", "0.3", "supervised"),
    ],
)
def test_a_setting_of_another_objective_is_refused(
    objective, flag, value, owner, tmp_path, capsys
):
    data = ["--data", str(tmp_path / "none"), "--out", str(tmp_path / "run")]
    assert main([*data, "--objective", objective, flag, value]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"error: {flag}: a setting of --objective {owner};")


@pytest.mark.parametrize("num_lost", [3, 12])  # 12: too few to hold any out
def test_going_on_with_other_photos_held_out_is_refused(place, tmp_path, num_lost):
    folder, out = tmp_path / "photos", tmp_path / "run"
    shutil.copytree(place / "photos", folder)
    pretrain(config(place, out, data=(str(folder),)))
    learned = (out / "photos.tsv").read_text()
    for path in sorted((folder / "light").glob("*.png"))[:num_lost]:
        path.unlink()
    with pytest.raises(BadInput, match="not those the run began with.*validation_"):
        pretrain(config(place, out, data=(str(folder),), epochs=3))
    assert (out / "photos.tsv").read_text() == learned


def test_rate_of_sgd_is_a_smaller_one_than_that_of_contrastive_learning():
    rates = {
        (objective, optimizer): PretrainConfig(objective=objective, optimizer=optimizer)
        .resolved()
        .learning_rate
        for objective in ("simclr", "supervised")
        for optimizer in ("sgd", "adamw")
    }
    assert rates["supervised", "sgd"] == 0.1 < rates["simclr", "sgd"] == 1.0
    assert rates["supervised", "adamw"] == rates["simclr", "adamw"]


@pytest.mark.slow
def test_killed_in_epoch_2_and_started_again_ends_bit_for_bit_alike(place, tmp_path):
    def flags(out):
        return (
            f"--objective supervised --data {place / 'photos'} --out {out} "
            f"--backbone {place / 'tiny.keras'} --image-size 32 --batch-size 8 "
            "--epochs 3 --learning-rate 0.3 --deterministic"
        ).split()

    def start(*arguments):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
        )

    script = REPOSITORY / "tests" / "commands" / "stopped_pretraining.py"
    killed = start(script, "SIGKILL", 1, 2, *flags(tmp_path / "killed"))
    assert killed.returncode == -signal.SIGKILL
    for name in ("killed", "whole"):
        done = start("-m", "ssl_voc.pretrain", *flags(tmp_path / name))
        assert (done.returncode, done.stderr) == (0, "")
    weights = [
        keras.models.load_model(tmp_path / name / "backbone.keras").get_weights()
        for name in ("killed", "whole")
    ]
    for weight, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(weight, other)
    killed, whole = (
        json.loads((tmp_path / name / "summary.json").read_text())
        for name in ("killed", "whole")
    )
    for key in ("loss", "training_top1", "val_loss", "val_top1", "effective_rank"):
        assert killed[key] == whole[key], key
