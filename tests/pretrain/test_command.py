"""`python -m ssl_voc.pretrain`, whole: what it writes, refuses and survives."""

import json
import os
import signal
import subprocess
import sys

import h5py
import keras
import numpy as np
import pytest
from PIL import Image

import ssl_voc
from ssl_voc import models
from ssl_voc.cli.errors import BadInput, StoppedEarly
from ssl_voc.pretrain import PretrainConfig, main, pretrain
from tests import tiny
from tests.conftest import REPOSITORY

EPOCHS = 4
NUM_PHOTOS = 44  # five steps of eight, four photos over


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of photos in two classes and a tiny backbone."""
    folder = tmp_path_factory.mktemp("pretrain")
    tiny.save_backbone(folder / "tiny.keras")
    for index, pixels in enumerate(tiny.draw_photos(NUM_PHOTOS)):
        path = folder / "photos" / ("light" if index % 2 else "dark") / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        # Told apart by brightness, so that nearest neighbors have something to find.
        Image.fromarray(pixels // 2 + 127 * (index % 2)).save(path)
    return folder


def flags(place, out, *more, seed=0):
    settings = {
        "data": place / "photos",
        "backbone": place / "tiny.keras",
        "out": out,
        "image-size": 32,
        "batch-size": 8,
        "epochs": EPOCHS,
        "learning-rate": 0.5,
        "seed": seed,
    }
    pairs = [part for key, value in settings.items() for part in (f"--{key}", value)]
    return [*map(str, pairs), *map(str, more)]


def config(place, out, **changes):
    settings = {
        "data": (str(place / "photos"),),
        "backbone": str(place / "tiny.keras"),
        "out": out,
        "image_size": 32,
        "batch_size": 8,
        "epochs": 2,
        "learning_rate": 0.5,
    }
    return PretrainConfig(**{**settings, **changes})


def start(*arguments):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )


def stopped(signal_name, place, out, *more):
    script = REPOSITORY / "tests" / "commands" / "stopped_pretraining.py"
    return start(script, signal_name, 1, 2, *flags(place, out, *more))


def checkpoint_arrays(run, epoch=EPOCHS):
    """Everything in a checkpoint: weights and the optimizer's state."""
    arrays = {}

    def collect(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    path = run / "checkpoints" / f"epoch_{epoch:05d}.weights.h5"
    with h5py.File(path) as file:
        file.visititems(collect)
    return arrays


def assert_bit_identical(run, other, epoch=EPOCHS):
    arrays, others = checkpoint_arrays(run, epoch), checkpoint_arrays(other, epoch)
    assert arrays.keys() == others.keys()
    different = [n for n in arrays if not np.array_equal(arrays[n], others[n])]
    assert not different, different


@pytest.fixture(scope="module")
def whole(place):
    """A deterministic run that nobody stopped."""
    done = start(
        "-m", "ssl_voc.pretrain", *flags(place, place / "whole", "--deterministic")
    )
    assert done.returncode == 0, done.stderr
    return place / "whole", done


@pytest.mark.slow
def test_killed_in_epoch_2_of_4_and_started_again_ends_bit_for_bit_alike(place, whole):
    out = place / "killed"
    killed = stopped("SIGKILL", place, out, "--deterministic")
    assert killed.returncode == -signal.SIGKILL
    rows = (out / "metrics.jsonl").read_text().splitlines()
    assert len(rows) == 1 and not (out / "summary.json").exists()

    again = start("-m", "ssl_voc.pretrain", *flags(place, out, "--deterministic"))
    assert again.returncode == 0, again.stderr
    assert "going on after epoch 1" in again.stdout
    assert_bit_identical(out, whole[0])
    rows = (out / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == [1, 2, 3, 4]


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        "--optimizer lars --learning-rate 1",
        "--optimizer adamw --learning-rate 0.05 --precision mixed_float16",
    ],
    ids=["lars", "adamw in mixed precision"],
)
def test_every_optimizer_goes_on_bit_for_bit(place, tmp_path, more):
    more = [*more.split(), "--epochs", 2, "--deterministic"]
    killed = stopped("SIGKILL", place, tmp_path / "killed", *more)
    assert killed.returncode == -signal.SIGKILL
    for name in ("killed", "whole"):
        done = start("-m", "ssl_voc.pretrain", *flags(place, tmp_path / name, *more))
        assert done.returncode == 0, done.stderr
        assert ("going on after epoch 1" in done.stdout) == (name == "killed")
    assert_bit_identical(tmp_path / "killed", tmp_path / "whole", epoch=2)


@pytest.mark.slow
def test_interrupt_exits_3_says_how_to_go_on_and_going_on_changes_nothing(place, whole):
    out = place / "interrupted"
    interrupted = stopped("SIGINT", place, out, "--deterministic")
    assert interrupted.returncode == 3
    # The script imports TensorFlow, which chatters, before the command can hush it.
    line = interrupted.stderr.strip().splitlines()[-1]
    assert "Traceback" not in interrupted.stderr
    assert line.startswith("stopped: interrupted. 1 of 4 epochs are saved")
    assert "same command" in line

    again = start("-m", "ssl_voc.pretrain", *flags(place, out, "--deterministic"))
    assert again.returncode == 0, again.stderr
    assert_bit_identical(out, whole[0])


@pytest.mark.slow
def test_another_seed_gives_other_weights(place, whole):
    out = place / "seed"
    more = flags(place, out, "--deterministic", seed=1)
    assert start("-m", "ssl_voc.pretrain", *more).returncode == 0
    arrays, others = checkpoint_arrays(out), checkpoint_arrays(whole[0])
    kernels = [name for name in arrays if arrays[name].ndim == 4]
    assert kernels
    assert not any(np.array_equal(arrays[n], others[n]) for n in kernels)


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


def test_saved_backbone_computes_what_the_run_recorded(place, whole):
    run, _ = whole
    backbone = ssl_voc.backbone(place / "tiny.keras", image_size=32, weights=run)
    recorded = json.loads((run / "manifest.json").read_text())["backbone_fingerprint"]
    np.testing.assert_allclose(models.fingerprint(backbone), recorded, rtol=1e-4)
    untrained = models.fingerprint(keras.models.load_model(place / "tiny.keras"))
    assert not np.allclose(untrained, recorded, rtol=1e-2)


def test_finished_folder_and_other_settings_are_refused(place, tmp_path):
    out = tmp_path / "run"
    pretrain(config(place, out))
    with pytest.raises(BadInput, match="finished"):
        pretrain(config(place, out))
    with pytest.raises(BadInput, match="other settings.*learning_rate 0.5 there"):
        pretrain(config(place, out, learning_rate=0.25))
    # More epochs go on from the last one.
    assert pretrain(config(place, out, epochs=3))["loss"] > 0
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"data": ("/no/such/folder",)}, "does not exist"),
        ({"backbone": "ResNet50"}, "Unknown backbone"),
        ({"backbone": "missing.keras"}, "does not exist"),
        ({"batch_size": 64}, "do not fill a batch of 64"),
        ({"weights": "/no/such/run"}, "Weights not found"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    place, tmp_path, capsys, changes, complaint
):
    arguments = flags(place, tmp_path / "run")
    for name, value in changes.items():
        value = value[0] if isinstance(value, tuple) else value
        arguments += [f"--{name.replace('_', '-')}", str(value)]
    if "data" in changes:  # repeatable: the good one has to go
        arguments = arguments[2:]
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ") and complaint in line


def test_corrected_command_starts_in_the_folder_of_the_mistaken_one(place, tmp_path):
    with pytest.raises(BadInput, match="do not fill a batch"):
        pretrain(config(place, tmp_path / "run", batch_size=64))
    assert pretrain(config(place, tmp_path / "run", epochs=1))["num_images"] == 44


def test_weights_that_overflow_stop_the_run_with_the_reason(place, tmp_path):
    with pytest.raises(StoppedEarly, match="is (nan|inf).*--learning-rate"):
        pretrain(config(place, tmp_path / "run", learning_rate=1e20, warmup=0.0))
    assert not (tmp_path / "run" / "summary.json").exists()


def test_default_run_folder_is_found_again_by_the_same_settings():
    resolved = PretrainConfig(data=("photos",)).resolved()
    assert resolved.out == PretrainConfig(data=("photos",), epochs=99).resolved().out
    assert resolved.out != PretrainConfig(data=("photos",), seed=1).resolved().out
    assert (resolved.pool_size, resolved.learning_rate) == (112, 1.0)
