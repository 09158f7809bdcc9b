"""The examples run as their first lines say, under every backend that is here."""

import keras
import numpy as np
import pytest

from tests.interpreters import run_python
from tests.tiny import draw_photos, save_backbone

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_script_turns_photos_into_a_backbone(backend, tmp_path):
    photos, tiny = tmp_path / "photos.npz", tmp_path / "tiny.keras"
    learned = tmp_path / "backbone.keras"
    np.savez(photos, draw_photos(16))
    save_backbone(tiny)
    flags = f"--backbone {tiny} --image-size 32 --batch-size 8 --epochs 2"
    run_python(
        backend,
        "-m",
        "examples.pretrain_from_script",
        photos,
        *flags.split(),
        "--out",
        learned,
    )
    before, after = keras.models.load_model(tiny), keras.models.load_model(learned)
    for old, new in zip(before.weights, after.weights, strict=True):
        assert old.shape == new.shape
        assert not np.allclose(old, new), old.path
    # Of Keras' own layers: the file loads where ssl_voc is not installed.
    assert {type(layer).__module__.split(".")[0] for layer in after.layers} == {"keras"}
