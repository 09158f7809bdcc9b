"""`python -m ssl_voc.pretrain`, whole: what it writes, refuses and survives."""

import json
import re
import shlex
import shutil
import signal

import keras
import numpy as np
import pytest

import pipelines
import ssl_voc
from ssl_voc import callbacks, models
from ssl_voc.cli.errors import BadInput, StoppedEarly
from ssl_voc.cli.flags import parse
from ssl_voc.finetune import FinetuneConfig
from ssl_voc.pretrain import main, pretrain
from ssl_voc.pretrain.run import PretrainingRun
from ssl_voc.runs.run_folder import RunFolder
from tests import tiny
from tests.pretrain.stopped import assert_same_training, rows_of, start

EPOCHS = 3
NUM_PHOTOS = 44


@pytest.fixture(scope="module")
def whole(place, tmp_path_factory):
    """A deterministic run that nobody stopped: its folder and its process."""
    out = tmp_path_factory.mktemp("whole") / "a run"
    arguments = place.flags(out, epochs=EPOCHS, deterministic=True)
    done = start("-m", "ssl_voc.pretrain", *arguments)
    assert done.returncode == 0, done.stderr
    return out, done


@pytest.fixture
def finished(place, whole, tmp_path):
    """A copy of that run, to go on with: its folder and `config(**changes)`."""
    out = tmp_path / "run"
    shutil.copytree(whole[0], out)
    # In this process deterministic kernels would stay on for all tests.
    recorded = (out / "config.yaml").read_text()
    (out / "config.yaml").write_text(
        recorded.replace("deterministic: true", "deterministic: false")
    )
    settings = {"epochs": EPOCHS, "deterministic": False}
    return out, lambda **changes: place.config(out, **settings | changes)


@pytest.mark.slow
def test_killed_and_interrupted_it_ends_bit_for_bit_as_if_never_stopped(
    place, whole, tmp_path
):
    out = tmp_path / "stopped"
    script = ("-m", "tests.pretrain.stopped")
    arguments = place.flags(out, epochs=EPOCHS, deterministic=True)
    killed = start(*script, "SIGKILL", 1, 2, *arguments)
    assert killed.returncode == -signal.SIGKILL
    assert len(rows_of(out)) == 1 and not (out / "summary.json").exists()

    interrupted = start(*script, "SIGINT", 2, 2, *arguments)
    assert interrupted.returncode == 3
    assert "going on after epoch 1" in interrupted.stdout
    assert "Traceback" not in interrupted.stderr
    line = interrupted.stderr.strip().splitlines()[-1]
    assert line.startswith("stopped: interrupted") and "2 of 3 epochs" in line

    again = start("-m", "ssl_voc.pretrain", *arguments)
    assert (again.returncode, again.stderr) == (0, "")
    assert "going on after epoch 2" in again.stdout
    assert_same_training(out, whole[0])
    assert [row["epoch"] for row in rows_of(out)] == [1, 2, 3]


@pytest.mark.slow
def test_on_a_full_disk_it_stops_in_one_line_and_goes_on_later(place, tmp_path):
    flags = [str(flag) for flag in place.flags(tmp_path / "run")]
    program = f"""
import resource, sys
from ssl_voc.callbacks import Checkpoint
from ssl_voc.pretrain import command

save = Checkpoint.on_epoch_end

def save_on_full_disk(*arguments, **options):
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
    save(*arguments, **options)

Checkpoint.on_epoch_end = save_on_full_disk
sys.exit(command.main({flags}))
"""
    full = start("-c", program)
    assert full.returncode == 3
    line = full.stderr.splitlines()[-1]
    assert "Traceback" not in full.stderr
    assert line.startswith("stopped: the system refused: [Errno 27] File too large")
    assert "0 of 2 epochs are saved" in line
    again = start("-m", "ssl_voc.pretrain", *flags)
    assert (again.returncode, again.stderr) == (0, "")
    assert [row["epoch"] for row in rows_of(tmp_path / "run")] == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"objective": "supervised", "optimizer": "lars", "learning_rate": 1},
        {"optimizer": "adamw", "learning_rate": 0.05, "precision": "mixed_float16"},
    ],
    ids=["supervised by lars", "adamw in mixed precision"],
)
def test_other_states_of_training_survive_a_kill_too(place, tmp_path, changes):
    def flags(name):
        return place.flags(tmp_path / name, deterministic=True, **changes)

    script = ("-m", "tests.pretrain.stopped", "SIGKILL", 1, 2)
    assert start(*script, *flags("stopped")).returncode == -signal.SIGKILL
    for name in ("stopped", "whole"):
        done = start("-m", "ssl_voc.pretrain", *flags(name))
        assert (done.returncode, done.stderr) == (0, "")
        assert ("going on after epoch 1" in done.stdout) == (name == "stopped")
    assert_same_training(tmp_path / "stopped", tmp_path / "whole")


def test_run_folder_holds_what_users_rely_on(whole):
    run, done = whole
    for name in (
        "config.yaml",
        "manifest.json",
        "metrics.jsonl",
        "summary.json",
        "backbone.keras",
        "skipped.txt",
        "photos.tsv",
        "views.png",
        "curves.png",
    ):
        assert (run / name).is_file(), name
    assert list((run / "tensorboard").rglob("events.out.tfevents.*"))
    summary = json.loads((run / "summary.json").read_text())
    for key in (
        "loss",
        "loss_over_chance",
        "contrastive_top1",
        "effective_rank",
        "spatial_rank",
        "cell_match_gap",
        "alignment",
        "uniformity",
        "knn_top1",
        "knn_top1_ci",
        "knn_top1_untrained",
    ):
        assert key in summary, key
    low, high = summary["knn_top1_ci"]
    assert low <= summary["knn_top1"] <= high
    # ln(2 * 8 - 1) is what a model that knows nothing loses.
    assert summary["loss"] / np.log(15.0) == pytest.approx(
        summary["loss_over_chance"], rel=1e-4
    )
    assert len((run / "photos.tsv").read_text().splitlines()) == NUM_PHOTOS + 1
    assert str(run / "backbone.keras") in done.stdout
    assert done.stderr == ""


def test_printed_call_loads_the_backbone_that_the_run_recorded(place, whole):
    run, done = whole
    call = re.search(r"^ +(ssl_voc\.backbone\(.*\))$", done.stdout, re.M)[1]
    printed = eval(call, {"ssl_voc": ssl_voc})
    backbone = ssl_voc.backbone(place.backbone, image_size=32, weights=run)
    for weight, other in zip(
        printed.get_weights(), backbone.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(weight, other)
    recorded = json.loads((run / "manifest.json").read_text())["backbone_fingerprint"]
    np.testing.assert_allclose(models.fingerprint(backbone), recorded, rtol=1e-4)
    untrained = models.fingerprint(keras.models.load_model(place.backbone))
    assert not np.allclose(untrained, recorded, rtol=1e-2)
    images = tiny.draw_photos(2, size=64).astype("float32")  # a size of its own
    assert printed(images).shape == (2, 15, 15, 16)


def test_printed_command_is_one_that_finetune_understands(place, whole):
    run, done = whole
    command = re.search(r"^next +python -m ssl_voc\.finetune (.*)$", done.stdout, re.M)
    config = parse(FinetuneConfig, shlex.split(command[1]), "finetune", "")
    assert (config.task, config.data) == ("detect", ("DATA",))
    assert config.weights == str(run)
    assert config.resolved().backbone == str(place.backbone)


def test_finished_folder_and_other_settings_are_refused(finished):
    _, config = finished
    with pytest.raises(BadInput, match="finished"):
        pretrain(config())
    with pytest.raises(BadInput, match="other settings.*learning_rate 0.5 there"):
        pretrain(config(learning_rate=0.25))


def test_more_epochs_go_on_from_the_last_and_remember_the_time_at_chance(
    finished, monkeypatch
):
    out, config = finished
    remembered = []
    monkeypatch.setattr(
        callbacks.TrainingWatch,
        "remember",
        lambda watch, *told: remembered.append(told),
    )
    before = rows_of(out)
    assert pretrain(config(epochs=EPOCHS + 1))["loss"] > 0
    rows = rows_of(out)
    assert len(rows) == EPOCHS + 1 and rows[:EPOCHS] == before
    assert remembered == [(before, NUM_PHOTOS // 8)]


def begin_only(run):
    """In place of `fit`: what a run chooses and records, it does before."""
    raise StoppedEarly("begun.")


def test_a_rate_that_is_not_given_is_a_tenth_on_trained_weights_and_stays(
    place, tmp_path, capsys, monkeypatch
):
    run = tmp_path / "run"
    pretrain(place.config(run, learning_rate=None, epochs=1))
    chosen = "learning rate: 0.1 per 256 photos (a tenth"
    assert chosen in capsys.readouterr().out
    monkeypatch.setattr(PretrainingRun, "fit", begin_only)
    with pytest.raises(StoppedEarly, match="begun. 1 of 2 epochs"):
        pretrain(place.config(run, learning_rate=None, epochs=2))
    assert chosen in capsys.readouterr().out
    assert json.loads((run / "manifest.json").read_text())["learning_rate"] == 0.1
    assert "learning_rate: null" in (run / "config.yaml").read_text()


def test_a_run_whose_settings_hold_a_rate_goes_on_at_that(
    finished, capsys, monkeypatch
):
    out, _ = finished
    monkeypatch.setattr(PretrainingRun, "fit", begin_only)
    assert main(["--resume", str(out), "--epochs", str(EPOCHS + 1)]) == 3
    assert "learning rate:" not in capsys.readouterr().out
    assert json.loads((out / "manifest.json").read_text())["learning_rate"] == 0.5


def test_a_run_killed_after_its_last_epoch_is_finished_by_the_same_command(finished):
    out, config = finished
    expected = json.loads((out / "summary.json").read_text())
    weights = keras.models.load_model(out / "backbone.keras").get_weights()
    for name in ("summary.json", "backbone.keras"):
        (out / name).unlink()
    # Of an epoch that was not to be the last, accuracy is not logged.
    rows = rows_of(out)
    assert rows[-1].pop("knn_top1") == expected["knn_top1"]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (out / "metrics.jsonl").write_text(text)
    assert pretrain(config()) == expected
    assert json.loads((out / "summary.json").read_text()) == expected
    again = keras.models.load_model(out / "backbone.keras").get_weights()
    for weight, old in zip(again, weights, strict=True):
        np.testing.assert_array_equal(weight, old)
    assert rows_of(out) == rows


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"data": "/no/such/folder"}, "does not exist"),
        ({"backbone": "ResNet50"}, "ResNet50"),
        ({"backbone": "missing.keras"}, "does not exist"),
        ({"weights": "/no/such/run"}, "does not exist"),
    ],
)
def test_bad_input_is_one_line_and_status_2_before_photos_are_decoded(
    place, tmp_path, capsys, monkeypatch, changes, complaint
):
    def decode(*arguments, **options):
        raise AssertionError("decoded")

    monkeypatch.setattr(pipelines, "prepare", decode)
    assert main(place.flags(tmp_path / "run", **changes)) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ") and complaint in line


def test_corrected_command_starts_in_the_folder_of_the_mistaken_one(place, tmp_path):
    with pytest.raises(BadInput, match="do not fill a batch of 64"):
        pretrain(place.config(tmp_path / "run", batch_size=64))
    corrected = place.config(tmp_path / "run", epochs=1).resolved()
    with RunFolder.open(corrected.out, corrected, "pretrain") as folder:
        assert not folder.resuming


def test_a_time_sets_the_epochs_of_batches_that_suit_the_photos(
    place, tmp_path, capsys, monkeypatch
):
    run = tmp_path / "run"
    pretrain(place.config(run, batch_size=None, epochs=None, time="1s"))
    printed = capsys.readouterr().out
    assert "batch: 16, for 44 photos" in printed and "of 2 steps" in printed
    manifest = json.loads((run / "manifest.json").read_text())
    assert len(rows_of(run)) == manifest["epochs"]
    assert manifest["time"] == "1s"
    # ln(2 * 16 - 1): chance is that of the batch that was chosen.
    row = rows_of(run)[-1]
    assert row["loss"] / row["loss_over_chance"] == pytest.approx(np.log(31), rel=1e-3)
    # Other devices would choose another batch; the run keeps to its own.
    monkeypatch.setattr("ssl_voc.pretrain.run.choose_batch_size", lambda number: 32)
    monkeypatch.setattr(PretrainingRun, "fit", begin_only)
    with pytest.raises(StoppedEarly, match="begun"):
        pretrain(place.config(run, batch_size=None, epochs=manifest["epochs"] + 1))
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["batch_size"] == 16


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "epochs"),
    # Views that begin small are quicker at first: their pace tells nothing.
    # By the pace of epoch 2 they are 16, by that of epoch 4 they are 7.
    [({}, 7), ({"image_size": 48, "image_size_start": 32}, 20)],
)
def test_the_pace_of_the_first_epochs_corrects_a_trial_of_one_size(
    place, tmp_path, monkeypatch, settings, epochs
):
    counted = iter((20, 14, 3))
    monkeypatch.setattr(
        "ssl_voc.training.time_budget.count_epochs", lambda *_: next(counted)
    )
    run = tmp_path / "run"
    pretrain(place.config(run, epochs=None, time="1h", **settings))
    assert json.loads((run / "manifest.json").read_text())["epochs"] == epochs
    rows = rows_of(run)
    assert len(rows) == epochs
    assert rows[-1]["learning_rate"] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.slow
def test_weights_that_overflow_stop_the_run_with_the_reason(place, tmp_path):
    with pytest.raises(StoppedEarly, match="is (nan|inf).*--learning-rate"):
        pretrain(place.config(tmp_path / "run", learning_rate=1e20, warmup=0.0))
    assert not (tmp_path / "run" / "summary.json").exists()


@pytest.mark.slow
def test_run_in_mixed_precision_starts_another_in_full(place, tmp_path):
    settings = {"epochs": 1, "learning_rate": 1e-9}
    data = tmp_path / "photos.npz"
    np.savez(data, images=tiny.draw_photos(18))
    first = pretrain(
        place.config(
            tmp_path / "first",
            data=(str(data),),
            precision="mixed_bfloat16",
            epochs=1,
        )
    )
    assert np.isfinite(first["loss"])
    second = pretrain(
        place.config(
            tmp_path / "second",
            data=(str(data),),
            weights=str(tmp_path / "first"),
            image_size=48,
            optimizer="adamw",
            blur_rate=0.5,
            solarize_rate=0.2,
            seed=1,
            **settings,
        )
    )
    assert np.isfinite(second["loss"])
    # Next to no learning: the second still has the kernels of the first.
    kernels = [
        keras.models.load_model(path).get_weights()[0]
        for path in (
            tmp_path / "first" / "backbone.keras",
            tmp_path / "second" / "backbone.keras",
            place.backbone,
        )
    ]
    np.testing.assert_allclose(kernels[0], kernels[1], atol=1e-6)
    assert np.abs(kernels[0] - kernels[2]).max() > 1e-4
