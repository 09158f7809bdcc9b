"""Heat maps under jax and torch are those of tensorflow."""

import pathlib

import numpy as np
import pytest

import ssl_voc
from tests import tiny

PROGRAM = pathlib.Path(__file__).with_name("explain_arrays.py")

pytestmark = pytest.mark.slow


def test_maps_are_those_of_tensorflow(run_without_tensorflow, tmp_path):
    model = tiny.build_localizer()
    model.save(tmp_path / "model.keras")
    photos = tiny.draw_photos(4, size=32)
    np.savez(tmp_path / "photos.npz", images=photos)
    files = [tmp_path / name for name in ("photos.npz", "model.keras", "maps.npz")]
    run_without_tensorflow(PROGRAM, *files)
    with np.load(tmp_path / "maps.npz") as file:
        computed = dict(file)
    assert not computed.pop("tensorflow")
    assert len(computed) == 6
    for name, maps in computed.items():
        method, _, target = name.partition(" of ")
        target = target if target == "x2" else int(target)
        expected = ssl_voc.grad_cam(model, photos, target, method=method)
        np.testing.assert_allclose(maps, expected, atol=2e-3)
