"""`python -m ssl_voc.finetune`, whole: what it writes, refuses and survives."""

import contextlib
import io
import json
import signal

import keras
import numpy as np
import pytest

import pipelines
import ssl_voc.models  # noqa: F401 registers what model.keras holds
from ssl_voc.finetune import finetune, main
from ssl_voc.optimizers.schedule import WarmUpAndDecay
from tests import tiny
from tests.finetune.settings import config, flags
from tests.pretrain.stopped import (
    arrays_in,
    assert_same_training,
    ids_in,
    rows_of,
    start,
)

EPOCHS = 4
STAGED = {
    "epochs": EPOCHS,
    "schedule": "staged",
    "unfreeze_epoch": 2,
    # Of every checkpoint the weights that train go on, and others are evaluated.
    "ema": 0.9,
    # A third of the photos show each class: all are drawn by chance, of each epoch.
    "balance": 0.5,
    "deterministic": True,
}


@pytest.fixture(scope="module")
def whole(place):
    """A deterministic run that nobody stopped."""
    out = place / "whole"
    done = start("-m", "ssl_voc.finetune", *flags(place, out, **STAGED))
    assert (done.returncode, done.stderr) == (0, "")
    return out, done


@pytest.fixture(scope="module")
def short(place):
    """A run of two epochs, of which averaged weights are kept, and what it printed."""
    out, printed, complaints = place / "short", io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complaints):
        status = main(flags(place, out, ema=0.9, balance=0.5))
    assert (status, complaints.getvalue()) == (0, "")
    return out, printed.getvalue()


@pytest.mark.slow
def test_killed_at_the_border_of_phases_and_interrupted_later_ends_alike(place, whole):
    out = place / "stopped"
    script = ("-m", "tests.finetune.stopped")
    arguments = flags(place, out, **STAGED)
    # In the first epoch of the second phase: the checkpoint is of the first.
    killed = start(*script, "SIGKILL", 2, 1, *arguments)
    assert killed.returncode == -signal.SIGKILL
    assert len(rows_of(out)) == 2 and not (out / "summary.json").exists()

    interrupted = start(*script, "SIGINT", 3, 1, *arguments)
    assert interrupted.returncode == 3
    assert "going on after epoch 2" in interrupted.stdout
    assert "Traceback" not in interrupted.stderr
    line = interrupted.stderr.strip().splitlines()[-1]
    assert line.startswith("stopped: interrupted. 3 of 4 epochs are saved")
    assert "same command" in line

    again = start("-m", "ssl_voc.finetune", *arguments)
    assert again.returncode == 0, again.stderr
    assert "going on after epoch 3" in again.stdout
    assert_same_training(out, whole[0])
    kept, other = (
        keras.models.load_model(run / "model.keras") for run in (out, whole[0])
    )
    for one, two in zip(kept.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_run_folder_holds_what_users_rely_on(short):
    run, printed = short
    for name in (
        "config.yaml",
        "manifest.json",
        "metrics.jsonl",
        "summary.json",
        "model.keras",
        "curves.png",
        "examples.png",
        "predictions.png",
        "skipped.txt",
        "data_report.txt",
        "data_report.json",
        "training_photos.tsv",
        "validation_photos.tsv",
    ):
        assert (run / name).is_file(), name
    assert list((run / "tensorboard").rglob("events.out.tfevents.*"))
    # The tree says which photos to train on, and no backbone was pretrained.
    for name in ("held_out_photos.tsv", "pretraining_photos.tsv"):
        assert not (run / name).exists(), name
    training, chosen = (
        ids_in(run / f"{part}_photos.tsv") for part in ("training", "validation")
    )
    assert len(chosen) == 9  # 15 % of 60
    assert sorted(training + chosen) == [f"{number:03d}" for number in range(60)]
    manifest = json.loads((run / "manifest.json").read_text())
    expected = {
        "task": "localize",
        "class_names": ["blue", "green", "red"],
        "image_size": 32,
        "num_training": 51,
        "num_validation": 9,
    }
    assert {name: manifest[name] for name in expected} == expected
    assert str(run / "model.keras") in printed
    # The default batch is 32, the run's 16.
    steps, peak = manifest["steps_per_epoch"], 0.05 * (32 * 16) ** 0.5 / 256
    rate = WarmUpAndDecay(peak, 2 * steps, warmup_share=0.1)(steps)
    assert rows_of(run)[0]["learning_rate"] == pytest.approx(float(rate))


def test_kept_weights_are_those_of_the_epoch_that_other_photos_chose(place, short):
    run, _ = short
    rows = rows_of(run)
    assert [row["epoch"] for row in rows] == [1, 2]
    for row in rows:
        mean = (row["val_top1"] + row["val_mean_iou"]) / 2
        assert row["score"] == pytest.approx(mean)
    scores = [row["score"] for row in rows]
    best = rows[int(np.argmax(scores))]
    summary = json.loads((run / "summary.json").read_text())
    assert summary["epoch"] == best["epoch"]
    names = ("top1", "mean_iou", "loc_acc_50", "loc_acc_70")
    for name in names:
        assert summary[f"val_{name}"] == best[f"val_{name}"]
    assert (summary["num_images"], summary["num_validation"]) == (51, 9)
    # What the file computes, looked up by the run's own list.
    table = pipelines.read_photo_table(run / "validation_photos.tsv")
    photos = pipelines.select_photos(pipelines.read(place / "voc"), table)
    pool = pipelines.prepare_labeled(photos, 32, main_object_only=True)
    model = keras.models.load_model(run / "model.keras")
    model.run_eagerly = True  # quick for a single batch
    logs = model.evaluate(pool.evaluation_dataset(16), verbose=0, return_dict=True)
    assert logs["boxes_mean_iou"] == pytest.approx(best["val_mean_iou"], abs=1e-4)
    assert logs["classes_top1"] == pytest.approx(best["val_top1"], abs=1e-4)
    # For who trains on: nothing of the last step, whose rate was 0.
    assert int(model.optimizer.iterations) == 0


@pytest.mark.slow
def test_a_run_that_draws_no_predictions_has_the_same_weights(place, whole):
    run = place / "undrawn"
    program = (
        "import sys\n"
        "from ssl_voc.finetune import main, predictions\n"
        "predictions.PredictionSheet.draw = lambda *arguments: None\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    done = start("-c", program, *flags(place, run, **STAGED))
    assert done.returncode == 0, done.stderr
    assert (whole[0] / "predictions.png").exists()
    assert not (run / "predictions.png").exists()
    assert_same_training(run, whole[0])
    kept, other = (
        keras.models.load_model(folder / "model.keras").get_weights()
        for folder in (run, whole[0])
    )
    for one, two in zip(kept, other, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_model_loads_in_another_process_and_trains_on(whole):
    program = (
        "import sys, keras, numpy, ssl_voc.models\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "images = numpy.zeros((2, 32, 32, 3), 'uint8')\n"
        "boxes = numpy.array([[[4.0, 4, 20, 20]]] * 2)\n"
        "targets = {'boxes': boxes, 'classes': numpy.zeros((2, 1))}\n"
        "model.fit(images, targets, verbose=0)\n"
        "print(model.predict(images, verbose=0)['boxes'].shape)"
    )
    done = start("-c", program, whole[0] / "model.keras")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(2, 1, 4)"


@pytest.mark.slow
def test_a_frozen_backbone_is_that_of_the_pretraining_bit_for_bit(place, tmp_path):
    pretraining = tmp_path / "pretraining"
    pretraining.mkdir()
    backbone = keras.models.load_model(place / "tiny.keras")
    tiny.randomize(backbone)
    backbone.save(pretraining / "backbone.keras")
    photos = pipelines.read(place / "voc", "train")
    table = pipelines.photo_table(photos, np.arange(len(photos), dtype="uint64"))
    (pretraining / "photos.tsv").write_text(table)
    run = tmp_path / "run"
    finetune(config(place, run, weights=str(pretraining), schedule="frozen", epochs=1))
    assert (run / "pretraining_photos.tsv").read_text() == table
    model = keras.models.load_model(run / "model.keras")
    for found, given in zip(
        model.backbone.get_weights(), backbone.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(found, given)


@pytest.mark.slow
def test_few_labels_choose_nothing_and_the_last_weights_stay(place, tmp_path, capsys):
    run = tmp_path / "run"
    summary = finetune(config(place, run, labels_per_class=4))
    assert summary["epoch"] == 2 and summary["num_validation"] == 0
    assert not any(name.startswith("val_") for name in summary)
    assert not (run / "validation_photos.tsv").exists()
    assert not list((run / "checkpoints").glob("best_*"))
    assert len(ids_in(run / "training_photos.tsv")) == 12
    assert "no labels were kept to choose" in capsys.readouterr().out
    manifest = json.loads((run / "manifest.json").read_text())
    assert (manifest["num_training"], manifest["num_validation"]) == (12, 0)
    # The file holds what the last checkpoint holds.
    model = keras.models.load_model(run / "model.keras")
    votes = keras.ops.convert_to_numpy(model.head.votes.kernel)
    assert any(np.array_equal(votes, array) for array in arrays_in(run).values())


@pytest.mark.slow
def test_patience_ends_a_run_once_however_often_it_is_started(place, tmp_path, capsys):
    run = tmp_path / "run"
    # Nothing is learned: the first epoch stays the best. Two are of the warm-up.
    still = {"epochs": 9, "learning_rate": 1e-12, "warmup": 0.2, "patience": 2}
    still = config(place, run, **still)
    summary = finetune(still)
    printed = capsys.readouterr().out
    assert "patience: 2 epochs are 6 of 27 steps" in printed
    assert "ended after epoch 4 of 9" in printed
    assert summary["epoch"] == 1 and len(rows_of(run)) == 4
    before = arrays_in(run)
    # As if it had been killed before the summary.
    (run / "summary.json").unlink()
    assert finetune(still) == summary
    after = arrays_in(run)
    assert len(rows_of(run)) == 4
    assert all((before[name] == after[name]).all() for name in before)


@pytest.mark.slow
def test_a_time_sets_the_epochs_and_more_may_follow(place, tmp_path, capsys):
    run = tmp_path / "run"
    finetune(config(place, run, epochs=None, time="1s", ema=0.9))
    assert "time: one epoch of 3 steps takes about" in capsys.readouterr().out
    assert json.loads((run / "manifest.json").read_text())["epochs"] == 1
    assert finetune(config(place, run, epochs=2, ema=0.9))["num_images"] == 51
    assert [row["epoch"] for row in rows_of(run)] == [1, 2]


@pytest.mark.slow
def test_the_pace_of_the_first_epochs_corrects_a_trial(
    place, tmp_path, capsys, monkeypatch
):
    counted, given = iter((20, 3)), []

    def count_epochs(left, seconds_of, *_):
        given.append((left, seconds_of(1)))
        return next(counted)

    monkeypatch.setattr("ssl_voc.training.time_budget.count_epochs", count_epochs)
    run = tmp_path / "run"
    finetune(config(place, run, epochs=None, time="1h"))
    printed = capsys.readouterr().out
    assert "20 epochs of" in printed and "5 epochs, not 20: epochs took" in printed
    assert json.loads((run / "manifest.json").read_text())["epochs"] == 5
    rows = rows_of(run)
    assert len(rows) == 5 and rows[-1]["learning_rate"] == pytest.approx(0.0, abs=1e-9)
    (left, _), (left_then, pace) = given
    # The second epoch with what followed it, not the first one, which compiles.
    assert rows[1]["seconds"] <= pace < left - left_then < 3600


@pytest.mark.slow
def test_patience_may_end_a_run_before_its_pace_is_known(
    place, tmp_path, capsys, monkeypatch
):
    counted = iter((80, 90))
    monkeypatch.setattr(
        "ssl_voc.training.time_budget.count_epochs", lambda *_: next(counted)
    )
    run = tmp_path / "run"
    still = {"epochs": None, "time": "1h", "learning_rate": 1e-12, "patience": 2}
    finetune(config(place, run, warmup=0.0, **still))
    assert len(rows_of(run)) == 3
    assert json.loads((run / "manifest.json").read_text())["epochs"] == 80
    assert "not 80" not in capsys.readouterr().out
