"""What two replicas compute together is what one device computes alone."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from ssl_voc.distributed import count_replicas, gather_across_replicas
from tests import reference
from tests.interpreters import REPOSITORY
from tests.replicated_losses import REPLICATED_LOSSES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory):
    """Arrays and figures of one process that trained on two logical CPUs."""
    pytest.importorskip("tensorflow")
    folder = tmp_path_factory.mktemp("mirrored")
    done = subprocess.run(
        [sys.executable, "-m", "tests.mirrored_replicas", str(folder)],
        cwd=REPOSITORY,
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with np.load(folder / "arrays.npz") as arrays:
        return dict(arrays), json.loads((folder / "figures.json").read_text())


def test_one_device_gathers_its_own_tensor_at_offset_zero():
    tensor = np.ones((3, 2), "float32")
    gathered, offset = gather_across_replicas(tensor)
    assert gathered is tensor and offset == 0
    assert count_replicas() == 1


@pytest.mark.parametrize("name", [loss.name for loss in REPLICATED_LOSSES])
def test_loss_and_gradient_are_those_of_the_whole_batch(mirrored, name):
    arrays, _ = mirrored
    # Keras divides a replica's loss by their number, so that their sum is the mean.
    assert arrays[f"{name}_replica_losses"].shape == (2,)
    np.testing.assert_allclose(
        arrays[f"{name}_replica_losses"].sum(), arrays[f"{name}_single_loss"], rtol=1e-5
    )
    expected = arrays[f"{name}_single_gradient"]
    np.testing.assert_allclose(
        arrays[f"{name}_mirrored_gradient"], expected, rtol=1e-4, atol=1e-5
    )
    assert np.abs(expected).max() > 0.01


def test_shares_of_unequal_length_find_their_own_rows(mirrored):
    arrays, _ = mirrored
    a, b = arrays["uneven_projections"]
    assert arrays["uneven_losses"].shape == (9,)
    np.testing.assert_allclose(
        arrays["uneven_losses"].mean(), reference.nt_xent(a, b, 0.2), rtol=1e-5
    )
    assert arrays["uneven_totals"].tolist() == [9, 9]
    assert len(np.unique(arrays["uneven_boxes"].round(5), axis=0)) == 9


def test_batch_norms_of_replicas_use_the_whole_batch(mirrored):
    single, synchronized = mirrored[0]["normalized"]
    np.testing.assert_allclose(synchronized, single, rtol=1e-4, atol=1e-4)


def test_fit_on_two_devices_gives_the_weights_and_logs_of_one(mirrored):
    arrays, figures = mirrored
    np.testing.assert_allclose(
        arrays["mirrored_weights"], arrays["single_weights"], atol=1e-5
    )
    assert figures["single"].keys() == figures["mirrored"].keys()
    for name in ("loss", "loss_over_chance", "contrastive_top1", "alignment"):
        assert figures["mirrored"][name] == pytest.approx(
            figures["single"][name], rel=1e-4
        ), name


def test_weights_are_averaged_and_lent_as_on_one_device(mirrored):
    arrays, figures = mirrored
    np.testing.assert_allclose(
        arrays["mirrored_averages"], arrays["single_averages"], atol=1e-5
    )
    np.testing.assert_allclose(arrays["lent"], arrays["recalibrated"], rtol=1e-5)
    assert np.abs(arrays["lent"] - arrays["trained"]).max() > 0.01
    assert figures["put_back"]


def test_replicas_are_counted_and_draw_different_views(mirrored):
    assert mirrored[1]["replicas"] == [2, 2]
    boxes = mirrored[0]["boxes"].reshape(-1, 4)
    assert len(np.unique(boxes.round(5), axis=0)) == 8


def test_command_trains_and_resumes_on_two_devices(mirrored):
    command = mirrored[1]["command"]
    assert command["status"] == [0, 0]
    assert np.isfinite(command["summary"]["loss"])
    # 8 images on both devices together: 16 views, of which 15 are candidates.
    assert command["candidates"] == [16]
    chance = command["summary"]["loss"] / command["summary"]["loss_over_chance"]
    assert chance == pytest.approx(np.log(15), rel=1e-4)


def test_detectors_are_fine_tuned_on_two_devices(mirrored):
    # Photos have flags, such as `difficult`, which have no mean over devices.
    finetune = mirrored[1]["finetune"]
    assert finetune["status"] == [0, 0]
    assert np.isfinite(finetune["summary"]["loss"])


def test_detections_are_measured_once_a_photo(mirrored):
    # Predictions twice as many as photos would have been refused.
    logs = mirrored[1]["detections"]
    assert set(logs) == {"val_voc07_ap50", "val_voc10_ap50", "val_coco_ap"}
    assert all(0.0 <= value <= 1.0 for value in logs.values())
