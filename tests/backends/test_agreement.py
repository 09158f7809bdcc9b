"""The tests of layers and losses run under one backend; here the others follow it."""

import pathlib
import runpy

import numpy as np
import pytest

PROGRAM = pathlib.Path(__file__).with_name("compute_numbers.py")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def given(photos):
    random = np.random.default_rng(1)
    corners = random.uniform(0.0, 0.4, (16, 2))
    boxes = np.concatenate([corners, corners + random.uniform(0.3, 0.6, (16, 2))], 1)
    return {
        "photos": photos[:16],
        "boxes": boxes.astype("float32"),
        "projections": random.normal(size=(32, 8)).astype("float32"),
    }


@pytest.fixture(scope="module")
def computed_here(given, backbone_file):
    return runpy.run_path(str(PROGRAM))["compute_numbers"](given, backbone_file)


def test_crops_features_loss_and_optimizer_agree(
    run_without_tensorflow, given, backbone_file, computed_here, tmp_path
):
    np.savez(tmp_path / "given.npz", **given)
    arguments = (tmp_path / "given.npz", backbone_file, tmp_path / "computed.npz")
    run_without_tensorflow(PROGRAM, *arguments)
    with np.load(tmp_path / "computed.npz") as computed:
        assert set(computed) == set(computed_here)
        for name in computed:
            np.testing.assert_allclose(
                computed[name], computed_here[name], rtol=1e-4, atol=1e-4, err_msg=name
            )
