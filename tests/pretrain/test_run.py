"""What a run leaves, read by what comes after it."""

import json
import re
import shlex
import subprocess
import sys

import keras
import numpy as np
import pytest

import pipelines
import ssl_voc
from ssl_voc import callbacks
from ssl_voc.cli.errors import BadInput
from ssl_voc.cli.flags import parse
from ssl_voc.finetune import FinetuneConfig
from ssl_voc.finetune import command as finetune
from ssl_voc.pretrain import PretrainConfig, main, pretrain, report
from tests import tiny
from tests.conftest import REPOSITORY


@pytest.fixture(autouse=True)
def policy_of_before():
    """Undoes the precision that a run sets for its whole process."""
    before = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(before)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Photos without labels and a tiny backbone."""
    folder = tmp_path_factory.mktemp("runs")
    tiny.save_backbone(folder / "tiny.keras")
    np.savez(folder / "photos.npz", images=tiny.draw_photos(18))
    return folder


def run(place, out, **changes):
    settings = {
        "data": (str(place / "photos.npz"),),
        "backbone": str(place / "tiny.keras"),
        "out": out,
        "image_size": 32,
        "batch_size": 8,
        "epochs": 1,
    }
    return pretrain(PretrainConfig(**{**settings, **changes}))


def test_printed_command_loads_the_backbone_at_every_size(place, tmp_path, capsys):
    run(place, tmp_path / "run")
    printed = capsys.readouterr().out
    call = re.search(r"^ +(ssl_voc\.backbone\(.*\))$", printed, re.M)[1]
    model = eval(call, {"ssl_voc": ssl_voc})
    saved = keras.models.load_model(tmp_path / "run" / "backbone.keras")
    images = tiny.draw_photos(2, size=32).astype("float32")
    np.testing.assert_allclose(model(images), saved(images), atol=1e-5)
    larger = ssl_voc.backbone(place / "tiny.keras", 64, weights=tmp_path / "run")
    np.testing.assert_array_equal(larger.get_weights()[0], model.get_weights()[0])


def test_printed_command_is_one_that_finetune_understands(place, tmp_path, capsys):
    out = tmp_path / "a run"
    run(place, out)
    printed = capsys.readouterr().out
    command = re.search(r"^next +python -m ssl_voc\.finetune (.*)$", printed, re.M)[1]
    config = parse(FinetuneConfig, shlex.split(command), "finetune", "")
    assert (config.task, config.data) == ("localize", ("DATA",))
    assert config.weights == str(out)
    assert config.backbone == str(place / "tiny.keras")


def test_the_default_backbone_needs_no_flag_of_the_next_command():
    command, _ = report.next_steps("runs/a", "EfficientNetB1")
    assert "--backbone" not in command
    assert FinetuneConfig().backbone == PretrainConfig().backbone == "EfficientNetB1"


def test_run_in_mixed_precision_starts_another_in_full(place, tmp_path):
    first = run(place, tmp_path / "first", precision="mixed_bfloat16")
    assert np.isfinite(first["loss"])
    second = run(
        place,
        tmp_path / "second",
        precision="float32",
        weights=str(tmp_path / "first"),
        learning_rate=1e-9,
        image_size=48,
        optimizer="adamw",
        drop_connect=0.2,
        blur_rate=0.5,
        solarize_rate=0.2,
    )
    assert np.isfinite(second["loss"])
    models = [
        keras.models.load_model(tmp_path / name / "backbone.keras")
        for name in ("first", "second")
    ]
    # Next to no learning: the second still has the kernels of the first.
    kernels = [model.get_weights()[0] for model in models]
    np.testing.assert_allclose(*kernels, atol=1e-6)
    start = keras.models.load_model(place / "tiny.keras").get_weights()[0]
    assert np.abs(kernels[0] - start).max() > 1e-4


def test_a_run_killed_after_its_last_epoch_is_finished_by_the_same_command(
    place, tmp_path
):
    out = tmp_path / "run"
    expected = run(place, out)
    weights = keras.models.load_model(out / "backbone.keras").get_weights()
    for name in ("summary.json", "backbone.keras"):
        (out / name).unlink()
    again = run(place, out)
    assert again == pytest.approx(expected)
    assert json.loads((out / "summary.json").read_text()) == pytest.approx(expected)
    for weight, old in zip(
        keras.models.load_model(out / "backbone.keras").get_weights(),
        weights,
        strict=True,
    ):
        np.testing.assert_array_equal(weight, old)
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 1


def test_neighbors_are_asked_where_the_last_row_has_no_answer(place, tmp_path):
    labels = np.arange(18) % 2
    np.savez(tmp_path / "labelled.npz", images=tiny.draw_photos(18), labels=labels)
    settings = {"data": (str(tmp_path / "labelled.npz"),), "epochs": 2}
    out = tmp_path / "run"
    expected = run(place, out, **settings)
    rows = [json.loads(row) for row in (out / "metrics.jsonl").read_text().splitlines()]
    assert expected["knn_top1"] == rows[-1].pop("knn_top1")
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (out / "metrics.jsonl").write_text(lines)
    (out / "summary.json").unlink()
    again = run(place, out, **settings)
    assert again["knn_top1"] == expected["knn_top1"]
    assert again["knn_top1_gain_ci"] == expected["knn_top1_gain_ci"]


def test_labels_that_appear_while_a_run_rests_are_asked_without_a_before(
    place, tmp_path, capsys
):
    data, out = tmp_path / "photos.npz", tmp_path / "run"
    images = tiny.draw_photos(18)
    np.savez(data, images=images)
    run(place, out, data=(str(data),))
    np.savez(data, images=images, labels=np.arange(18) % 2)
    summary = run(place, out, data=(str(data),), epochs=2)
    assert 0 <= summary["knn_top1"] <= 1
    assert "knn_top1_untrained" not in summary and "knn_top1_gain" not in summary
    line = re.search("^k-NN top-1.*", capsys.readouterr().out, re.M)[0]
    assert "untrained" not in line and "commonest class" in line


def test_a_run_that_goes_on_remembers_its_time_at_chance(place, tmp_path, monkeypatch):
    run(place, tmp_path / "run")
    remembered = []
    monkeypatch.setattr(
        callbacks.TrainingWatch,
        "remember",
        lambda watch, *told: remembered.append(told),
    )
    run(place, tmp_path / "run", epochs=2)
    (((row,), steps_per_epoch),) = remembered
    assert row["epoch"] == 1 and row["loss_over_chance"] > 0
    assert steps_per_epoch == 2


def test_without_labels_no_neighbors_are_asked(place, tmp_path):
    summary = run(place, tmp_path / "run")
    assert not any(name.startswith("knn") for name in summary)
    assert summary["effective_rank_images"] == summary["num_images"] == 18
    assert (tmp_path / "run" / "skipped.txt").read_text() == ""


def test_help_names_every_setting_and_loads_no_framework():
    script = (
        "import sys\n"
        "from ssl_voc import pretrain\n"
        "try:\n"
        "    pretrain.main(['--help'])\n"
        "except SystemExit as end:\n"
        "    assert not end.code\n"
        "heavy = {'keras', 'tensorflow', 'numpy', 'PIL', 'matplotlib', 'pipelines'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for name in PretrainConfig.__dataclass_fields__:
        assert f"--{name.replace('_', '-')}" in done.stdout


@pytest.mark.parametrize(
    ("name", "value"), [("backbone", "ResNet50"), ("weights", "nowhere")]
)
def test_a_wrong_backbone_is_found_before_photos_are_decoded(
    place, tmp_path, monkeypatch, name, value
):
    def decode(*arguments, **options):
        raise AssertionError("decoded")

    monkeypatch.setattr(pipelines, "prepare", decode)
    with pytest.raises(BadInput, match=value):
        run(place, tmp_path / "run", **{name: value})


def test_photos_kept_smaller_than_the_views_are_refused(capsys):
    assert main("--image-size 96 --pool-size 64".split()) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "--pool-size: expected at least the 96 pixels of --image-size" in line


@pytest.mark.parametrize(("flag", "value"), [("image-size", 31), ("seed", 2**32)])
@pytest.mark.parametrize("command", [main, finetune.main])
def test_what_keras_cannot_take_is_refused_by_its_flag(command, flag, value, capsys):
    assert command([f"--{flag}", str(value)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"error: --{flag}")


@pytest.mark.parametrize(
    "crop_area", [(0.9, 0.2), (0.2, 1.5)], ids=["descending", "beyond the photo"]
)
def test_crop_area_must_be_two_ascending_shares(crop_area):
    with pytest.raises(ValueError, match="--crop-area: expected two ascending shares"):
        PretrainConfig(crop_area=crop_area)
