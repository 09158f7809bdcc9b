"""Programs that run under the jax or torch backend while tensorflow is absent."""

import functools

import numpy as np
import pytest

from tests.interpreters import interpreter_with, run_python
from tests.tiny import draw_photos, save_backbone


@pytest.fixture(scope="session", params=["jax", "torch"])
def backend(request):
    """Name of a Keras backend that some Python here has."""
    interpreter_with(request.param)
    return request.param


@pytest.fixture(scope="session")
def run_without_tensorflow(backend, cache_of_session):
    """Runs Python with the given arguments under `backend`; returns its stdout."""
    return functools.partial(run_python, backend)


@pytest.fixture(scope="session")
def photos():
    """uint8 array (64, 40, 40, 3)."""
    return draw_photos(64)


@pytest.fixture(scope="session")
def photos_file(photos, tmp_path_factory):
    """The photos as `photos.npz`, with labels."""
    path = tmp_path_factory.mktemp("photos") / "photos.npz"
    np.savez(path, images=photos, labels=np.arange(len(photos)) % 4)
    return path


@pytest.fixture(scope="session")
def backbone_file(tmp_path_factory):
    """A tiny backbone as a `.keras` file."""
    return save_backbone(tmp_path_factory.mktemp("backbone") / "tiny.keras")
