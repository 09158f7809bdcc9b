"""`pretrain --objective supervised`: labels to learn from, and held-out ones."""

import json
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

import ssl_voc
from ssl_voc.cli.errors import BadInput
from ssl_voc.metrics.wilson import wilson_interval
from ssl_voc.pretrain import pretrain
from ssl_voc.pretrain.objectives import supervised_photos
from ssl_voc.pretrain.objectives.supervised import SupervisedObjective
from ssl_voc.pretrain.run import PretrainingRun
from ssl_voc.runs.run_folder import RunFolder
from tests import tiny
from tests.pretrain.conftest import Place
from tests.pretrain.stopped import ids_in

# Of the 60 with a label, 15 % are held out: a seeded, stratified 9.
CLASSES = {"dark": 30, "light": 15, "middling": 15}
NUM_HELD_OUT = 9
NUM_UNLABELLED = 4
BRIGHTNESS = {"dark": 0, "middling": 80, "light": 160}


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_backbone, curves_of_the_last_epoch):
    """Photos in folders of three classes, and some in none."""
    folder = tmp_path_factory.mktemp("supervised") / "photos"
    photos = iter(tiny.draw_photos(60 + NUM_UNLABELLED))
    for name, count in CLASSES.items():
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = next(photos) // 3 + BRIGHTNESS[name]
            path = folder / name / f"{name}_{index}.png"
            Image.fromarray(pixels.astype("uint8")).save(path)
    for index, pixels in enumerate(photos):
        Image.fromarray(pixels).save(folder / f"none_{index}.png")
    return Place(folder, tiny_backbone)


def configure(place, out, **changes):
    settings = {"objective": "supervised", "learning_rate": 0.3}
    return place.config(out, **settings | changes)


@pytest.fixture(scope="module")
def whole(place, tmp_path_factory):
    """A run of a few epochs: its folder and its summary."""
    out = tmp_path_factory.mktemp("whole")
    return out, pretrain(configure(place, out, epochs=8))


def test_labels_are_learned_and_the_summary_says_how_well(place, whole):
    run, summary = whole
    assert summary == json.loads((run / "summary.json").read_text())
    # Brightness tells the classes apart: half of the photos are of the majority.
    assert summary["loss_over_chance"] < 0.8
    assert summary["training_top1"] > 0.6
    assert summary["val_top1_ci"] == pytest.approx(
        wilson_interval(summary["val_top1"], NUM_HELD_OUT)
    )
    assert summary["num_classes"] == 3
    assert "training_top3" not in summary  # of three classes always 1
    assert 1 <= summary["effective_rank"] <= 16
    # Neighbors among learned photos would measure memory.
    assert not any(name.startswith("knn") for name in summary)
    assert {path.name for path in run.glob("*.png")} == {"views.png", "curves.png"}
    backbone = ssl_voc.backbone(place.backbone, image_size=32, weights=run)
    start = keras.models.load_model(place.backbone)
    change = backbone.get_weights()[0] - start.get_weights()[0]
    assert np.abs(change).max() > 1e-3


def test_photos_are_learned_held_out_or_left_out(whole):
    run, summary = whole
    manifest = json.loads((run / "manifest.json").read_text())
    assert summary["num_unlabelled"] == manifest["num_unlabelled"] == NUM_UNLABELLED
    assert manifest["class_names"] == ["dark", "light", "middling"]
    learned = set(ids_in(run / "photos.tsv"))
    held_out = set(ids_in(run / "validation_photos.tsv"))
    assert len(held_out) == summary["num_validation"] == NUM_HELD_OUT
    assert len(learned) == summary["num_images"] == 60 - NUM_HELD_OUT
    assert not learned & held_out
    assert not any(name.startswith("none") for name in learned | held_out)


def test_metrics_are_those_that_the_model_gives(place, tmp_path, capsys):
    settings = configure(place, tmp_path / "run", epochs=1).resolved()
    with RunFolder.open(settings.out, settings, "pretrain") as run:
        pretraining = PretrainingRun(settings, run)
        pretraining.fit()
        (row,) = run.read_epochs()
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
    assert "4 photos without a label" in capsys.readouterr().out
    told = dict(pretraining.objective.describe(summary))
    assert "of chance); top-1 of training views" in told["loss"]
    assert f"({NUM_HELD_OUT} photos" in told["held-out top-1"]
    assert told["left out"].startswith(f"{NUM_UNLABELLED} photos")


def test_without_a_share_every_labelled_photo_is_learned(place, tmp_path):
    settings = configure(place, tmp_path / "run", val_share=0.0).resolved()
    objective = SupervisedObjective(settings)
    assert len(objective.pool) == 60 and objective.num_held_out == 0
    assert objective.fit_arguments() == {}
    last = {"loss": 1.0, "top1": 0.5}
    assert not any(name.startswith("val_") for name in objective.summarize(last))


def test_near_duplicates_of_training_photos_are_not_held_out(place, tmp_path):
    folder = tmp_path / "photos"
    for path in sorted(place.photos.glob("*/*.png")):
        target = folder / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        Image.open(path).save(target.with_name(f"copy_{path.stem}.jpg"))
    settings = configure(place, tmp_path / "run", data=(str(folder),)).resolved()
    photos = supervised_photos.prepare_supervised_photos(settings)
    learned, held_out = (
        {photo.image_id.removeprefix("copy_") for photo in part.photos}
        for part in (photos.training, photos.held_out)
    )
    assert not learned & held_out
    # Of 18 that were drawn, nearly all had their copy among the other 102.
    assert len(photos.held_out) < 9


def test_photos_of_a_list_test_are_not_learned(place, tmp_path):
    tree = tiny.write_voc(tmp_path / "voc", 12, 6)
    lists = tree / "ImageSets" / "Main"
    (lists / "train.txt").rename(lists / "trainval.txt")
    (lists / "val.txt").rename(lists / "test.txt")
    settings = configure(place, tmp_path / "run", data=(str(tree),)).resolved()
    photos = supervised_photos.prepare_supervised_photos(settings).training.photos
    assert [photo.image_id for photo in photos] == [f"{n:03d}" for n in range(12)]


def test_no_more_photos_than_the_limit_are_held_out(place, tmp_path, monkeypatch):
    monkeypatch.setattr(supervised_photos, "MAX_HELD_OUT", 4)
    settings = configure(place, tmp_path / "run").resolved()
    assert len(supervised_photos.prepare_supervised_photos(settings).held_out) == 4


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ({}, "none of the 12 photos.*--objective simclr"),
        ({"labels": np.array(["cat"] * 12)}, "all 12 labelled photos.*'cat'"),
    ],
)
def test_photos_that_labels_do_not_tell_apart_are_an_error(
    place, tmp_path, labels, complaint
):
    data = tmp_path / "photos.npz"
    np.savez(data, images=tiny.draw_photos(12), **labels)
    settings = configure(place, tmp_path / "run", data=(str(data),)).resolved()
    with pytest.raises(ValueError, match=f"--objective supervised: {complaint}"):
        supervised_photos.prepare_supervised_photos(settings)


@pytest.mark.parametrize("num_lost", [3, 12])  # 12: too few to hold any out
def test_going_on_with_other_photos_held_out_is_refused(
    place, whole, tmp_path, num_lost
):
    out = tmp_path / "run"
    shutil.copytree(whole[0], out)
    lost = sorted((place.photos / "light").glob("*.png"))[:num_lost]
    for path in lost:
        path.rename(tmp_path / path.name)
    run = RunFolder(out, None, resuming=True, manifest={})
    try:
        objective = SupervisedObjective(configure(place, out).resolved())
        with pytest.raises(BadInput, match="not those the run began with.*validation_"):
            objective.record(run)
    finally:
        for path in lost:
            (tmp_path / path.name).rename(path)


def test_going_on_with_other_labels_is_refused(place, tmp_path):
    data, manifest = tmp_path / "photos.npz", {}

    def record(labels, resuming=True):
        np.savez(data, images=tiny.draw_photos(12), labels=np.array(labels * 4))
        settings = configure(place, tmp_path, data=(str(data),), val_share=0.0)
        run = RunFolder(tmp_path, None, resuming=resuming, manifest=manifest)
        SupervisedObjective(settings.resolved()).record(run)

    record(["cat", "dog", "dog"], resuming=False)
    record(["cat", "dog", "dog"])
    for others in (["cat", "dog", "cat"], ["cat", "elk", "elk"]):
        with pytest.raises(BadInput, match="classes are not"):
            record(others)
    assert manifest["class_names"] == ["cat", "dog"]
