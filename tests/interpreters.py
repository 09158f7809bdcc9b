"""Pythons that have a Keras backend, and programs run in them."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
NO_TENSORFLOW = REPOSITORY / "tests" / "backends" / "no_tensorflow"


def interpreter_with(backend):
    """Path of a Python that has the backend: this one, `.venv-jax` or `.venv-torch`.

    Skips the test that asks where there is none.
    """
    if importlib.util.find_spec(backend):
        return sys.executable
    beside = REPOSITORY / f".venv-{backend}" / "bin" / "python"
    if beside.exists():
        return str(beside)
    pytest.skip(f"{backend} is not installed, neither here nor in .venv-{backend}")


def run_python(backend, *arguments):
    """Runs Python under a backend, tensorflow absent for the others; returns stdout."""
    path = [REPOSITORY] if backend == "tensorflow" else [NO_TENSORFLOW, REPOSITORY]
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        # Threads of tiny models wait for each other longer than they work.
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [interpreter_with(backend), *map(str, arguments)],
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout
