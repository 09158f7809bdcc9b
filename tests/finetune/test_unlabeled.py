"""`finetune --unlabeled`: which photos it learns from, what it leaves, going on."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import pipelines
from ssl_voc.cli.errors import BadInput
from ssl_voc.evaluate import EvaluateConfig, evaluate
from ssl_voc.finetune import finetune
from ssl_voc.finetune.report import format_summary
from ssl_voc.finetune.teacher_labels import build_pseudo_label_probe
from ssl_voc.finetune.unlabeled import UnlabeledPhotos
from ssl_voc.tasks import TASKS
from tests import tiny
from tests.finetune.settings import config, flags
from tests.pretrain.stopped import assert_same_training, ids_in, rows_of, start


@pytest.fixture(scope="module")
def pool(place):
    """A folder of photos without boxes: ten of their own, four of those with boxes."""
    folder = place / "pool"
    folder.mkdir()
    pixels, _, _ = tiny.draw_objects(10, 40, seed=9)
    for index, photo in enumerate(pixels):
        Image.fromarray(photo).save(folder / f"new_{index}.png")
    for photo in [*pipelines.read(place / "voc", "train")][:4]:
        (folder / f"old_{photo.image_id}.png").write_bytes(photo.load())
    return folder


def pool_settings(pool):
    return {
        "unlabeled": (str(pool),),
        "epochs": 4,
        "burn_in": 0.5,
        "labels_per_class": 4,
    }


@pytest.fixture(scope="module")
def whole(place, pool):
    """A deterministic run that nobody stopped."""
    run = place / "semi"
    arguments = flags(place, run, **pool_settings(pool), deterministic=True)
    done = start("-m", "ssl_voc.finetune", *arguments)
    assert done.returncode == 0, done.stderr
    return run


@pytest.mark.slow
def test_photos_in_use_with_boxes_are_left_out_of_the_pool(place, whole, pool):
    training = ids_in(whole / "training_photos.tsv")
    assert len(training) == 12
    used = ids_in(whole / "unlabeled_photos.tsv")
    others = {f"old_{number:03d}" for number in range(4)}
    others -= {f"old_{name}" for name in training}
    assert sorted(used) == sorted({f"new_{index}" for index in range(10)} | others)
    assert json.loads((whole / "manifest.json").read_text())["num_unlabeled"] == len(
        used
    )


@pytest.mark.slow
def test_pool_is_learned_from_after_the_burn_in_and_the_labels_are_shown(whole):
    rows = rows_of(whole)
    assert ["pool_used" in row for row in rows] == [False, False, True, True]
    assert ["teacher_agreement" in row for row in rows] == [False, True, True, True]
    assert "teacher_precision" not in rows[-1]  # the folder knows no boxes
    with Image.open(whole / "pseudo_labels.png") as picture:
        assert picture.width > 100
    summary = json.loads((whole / "summary.json").read_text())
    assert summary["pool_used"] == rows[-1]["pool_used"]
    assert json.loads((whole / "manifest.json").read_text())["burn_in_epochs"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("stop", [("SIGKILL", 2, 0), ("SIGINT", 3, 0)])
def test_stopped_it_goes_on_as_if_never_stopped(place, whole, pool, tmp_path, stop):
    run = tmp_path / "stopped"
    arguments = flags(place, run, **pool_settings(pool), deterministic=True)
    script = ("-m", "tests.finetune.stopped")
    assert start(*script, *map(str, stop), *arguments).returncode != 0
    done = start("-m", "ssl_voc.finetune", *arguments)
    assert done.returncode == 0, done.stderr
    assert_same_training(run, whole)


def burn_in_epochs(folder, burn_in, epochs, recorded):
    manifest = {"burn_in_epochs": recorded} if recorded is not None else {}
    run = SimpleNamespace(path=folder, manifest=manifest)
    settings = SimpleNamespace(burn_in=burn_in, batch_size=4)
    data = SimpleNamespace(unlabeled=range(8))
    return UnlabeledPhotos(run, settings, data, steps=2).burn_in_epochs(epochs)


@pytest.mark.parametrize(
    ("burn_in", "epochs", "expected"), [(0.3, 10, 3), (0.9, 1, 0), (0.99, 30, 29)]
)
def test_the_burn_in_leaves_an_epoch(tmp_path, burn_in, epochs, expected):
    assert burn_in_epochs(tmp_path, burn_in, epochs, None) == expected


@pytest.mark.parametrize(
    ("done", "recorded", "epochs", "expected"),
    [
        (0, 0, 300, 90),
        (2, 9, 300, 90),
        (8, 9, 300, 90),
        (9, 9, 300, 9),
        (8, 9, 20, 8),  # what is done learned from labels alone
    ],
)
def test_another_number_of_epochs_moves_the_end_of_a_burn_in_until_it_is_over(
    tmp_path, done, recorded, epochs, expected
):
    if done:
        (tmp_path / "checkpoints").mkdir()
        (tmp_path / "checkpoints" / f"epoch_{done:05d}.npz").touch()
    assert burn_in_epochs(tmp_path, 0.3, epochs, recorded) == expected


@pytest.mark.parametrize(
    ("used", "told"),
    [
        ([0.2, 0.0], "pool_used 0.000, teacher_agreement unknown"),
        ([0.0, 0.0, 0.0], "there were none to learn"),
        # The second epoch is kept.
        ([0.0, 0.0, 0.3], "the weights are of epoch 2, before"),
    ],
)
def test_the_summary_tells_whether_the_pool_taught_anything(tmp_path, used, told):
    rows = [{"epoch": n + 1, "pool_used": share} for n, share in enumerate(used)]
    run = SimpleNamespace(path=tmp_path, read_epochs=lambda: rows)
    data = SimpleNamespace(
        training=SimpleNamespace(class_names=["cat"]), validation=None, unlabeled=[0]
    )
    summary = {"epoch": 2, "num_images": 3, "num_unlabeled": 1}
    summary.update(pool_used=0.0, teacher_agreement=None)
    config = SimpleNamespace(data=(str(tmp_path),), train_split=None, val_split=None)
    said = format_summary(run, config, TASKS["detect"], data, summary)
    assert f"sure labels     {told}" in said


def test_photos_that_are_looked_at_do_not_depend_on_what_is_known_of_them(place):
    bare = place / "bare"
    bare.mkdir()
    for photo in pipelines.read(place / "voc", "train"):
        (bare / f"{photo.image_id}.png").write_bytes(photo.load())
    seen, truth = [], []
    for source in (place / "voc", bare):
        pool = pipelines.prepare(source, 32, letterboxed=True)
        data = SimpleNamespace(
            unlabeled=pool, training=SimpleNamespace(class_names=["blue", "red"])
        )
        config = SimpleNamespace(seed=3, epochs=9, batch_size=16)
        probe = build_pseudo_label_probe(None, config, data, True, 1)
        seen.append(probe.images)
        truth.append(probe.truth)
    np.testing.assert_array_equal(*seen)
    assert truth[0] is not None and truth[1] is None


@pytest.mark.slow
def test_evaluation_refuses_photos_of_the_pool(place, whole, tmp_path):
    photos = tiny.draw_objects(10, 40, seed=9)
    tree = tiny.write_voc_tree(
        tmp_path / "seen",
        [
            (photo, [("red", box, False)])
            for photo, box in zip(photos[0], photos[1], strict=True)
        ],
    )
    with pytest.raises(BadInput, match="--unlabeled"):
        evaluate(EvaluateConfig(run=whole, data=(str(tree),), out=tmp_path / "out"))


def test_a_pool_of_photos_in_use_alone_is_refused(place, tmp_path):
    wanted = config(place, tmp_path / "run", unlabeled=(str(place / "voc"),), epochs=1)
    with pytest.raises(BadInput, match="--unlabeled"):
        finetune(wanted)


@pytest.mark.slow
def test_detectors_count_what_the_teacher_finds_where_boxes_are_known(place, tmp_path):
    run = tmp_path / "run"
    tiny_detector = tiny.build_deep_backbone(64)
    tiny_detector.save(tmp_path / "deep.keras")
    finetune(
        config(
            place,
            run,
            task="detect",
            backbone=str(tmp_path / "deep.keras"),
            image_size=64,
            labels_per_class=4,
            batch_size=8,
            epochs=2,
            burn_in=0.0,
            unlabeled=(str(place / "voc"),),
        )
    )
    rows = rows_of(run)
    assert all("pool_used" in row and "teacher_recall" in row for row in rows)
    assert len(ids_in(run / "unlabeled_photos.tsv")) == 48
    recall = [row["teacher_recall"] for row in rows]
    assert all(value is not None and 0.0 <= value <= 1.0 for value in recall)
    assert np.isfinite([row["loss"] for row in rows]).all()
