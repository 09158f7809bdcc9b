"""`model.fit` and the `pretrain` command where tensorflow cannot be imported."""

import json
import pathlib

import pytest

from tests.pretrain.stopped import rows_of

PROGRAM = pathlib.Path(__file__).with_name("train_on_arrays.py")

pytestmark = pytest.mark.slow


def test_tensorflow_is_absent_in_these_tests(run_without_tensorflow):
    program = (
        "import importlib.util\n"
        "assert importlib.util.find_spec('tensorflow') is None\n"
        "try:\n"
        "    import tensorflow\n"
        "except ModuleNotFoundError:\n"
        "    print('absent')"
    )
    assert run_without_tensorflow("-c", program).strip() == "absent"


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_fit_learns_from_arrays(
    run_without_tensorflow, backend, photos_file, backbone_file, policy
):
    printed = run_without_tensorflow(PROGRAM, photos_file, backbone_file, policy)
    report = json.loads(printed.splitlines()[-1])
    assert report["backend"] == backend
    assert not report["tensorflow"]
    losses = report["loss_over_chance"]
    assert sum(losses[-3:]) / 3 < 0.6 * losses[0]
    assert sum(report["contrastive_top1"][-3:]) / 3 > 0.9
    # Twice the loss of training: inference statistics lag behind after 48 steps.
    assert report["evaluated"]["loss_over_chance"] < 0.5
    assert report["dtypes"] == ["float32"]  # of the weights, under every policy


def test_pretrain_command_goes_from_npz_to_backbone(
    run_without_tensorflow, backend, photos_file, backbone_file, tmp_path
):
    run = tmp_path / "run"
    flags = f"--backbone {backbone_file} --image-size 32 --batch-size 16 --epochs 2"
    command = ["-m", "ssl_voc.pretrain", "--data", photos_file, *flags.split()]
    printed = run_without_tensorflow(*command, "--out", run)
    assert str(run / "backbone.keras") in printed

    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["backend"] == backend
    rows = rows_of(run)
    assert [row["epoch"] for row in rows] == [1, 2]
    summary = json.loads((run / "summary.json").read_text())
    assert summary["num_images"] == 64
    assert 0.0 < summary["loss"] < 2 * rows[0]["loss"]
    assert 0.0 <= summary["data_wait_share"] <= 1.0
    for name in ("views.png", "curves.png", "skipped.txt", "backbone.keras"):
        assert (run / name).exists(), name

    # The next command that the run names: its features are proved on loading.
    program = (
        "import sys, ssl_voc\n"
        "model = ssl_voc.backbone(sys.argv[1], image_size=32, weights=sys.argv[2])\n"
        "print(model.output_shape)"
    )
    printed = run_without_tensorflow("-c", program, backbone_file, run)
    assert printed.strip() == "(None, 7, 7, 16)"


def test_deterministic_runs_are_equal(
    run_without_tensorflow, photos_file, backbone_file, tmp_path
):
    flags = f"--backbone {backbone_file} --image-size 32 --batch-size 16 --epochs 1"
    command = ["-m", "ssl_voc.pretrain", "--data", photos_file, *flags.split()]
    command.append("--deterministic")
    manifests = []
    for seed, name in ((0, "first"), (0, "again"), (1, "other")):
        run = tmp_path / name
        run_without_tensorflow(*command, "--seed", seed, "--out", run)
        manifests.append(json.loads((run / "manifest.json").read_text()))
    first, again, other = [item["backbone_fingerprint"] for item in manifests]
    assert first == again
    assert first != other
