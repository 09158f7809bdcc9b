"""Environment of a run: packages, backend, devices, commit."""

import contextlib
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from ssl_voc.runs.instruction_sets import instruction_sets

_PACKAGES = (
    "ssl_voc",
    "keras",
    "tensorflow",
    "jax",
    "torch",
    "keras-cv",
    "tensorflow-datasets",
    "numpy",
    "pillow",
)


def describe_software() -> dict[str, Any]:
    """Names the Python, platform, package versions and source commit.

    Imports none of the packages.
    """
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": _package_versions(),
        "git_commit": _source_commit(),
    }


def current_backend() -> str | None:
    """Name of the Keras backend, `None` until Keras was imported."""
    keras = sys.modules.get("keras")
    if keras is None or not hasattr(keras, "backend"):
        return None
    return keras.backend.backend()


def describe_compute() -> dict[str, Any]:
    """Names the Keras backend, its devices, the CPU count and its instruction sets.

    Empty until Keras was imported: looking does not load a backend.
    """
    backend = current_backend()
    if backend is None:
        return {}
    return {
        "backend": backend,
        "devices": _devices(backend),
        "cpu_count": os.cpu_count(),
        "instruction_sets": list(instruction_sets()),
    }


def _package_versions() -> dict[str, str]:
    import importlib.metadata  # takes a moment that `--help` need not wait for

    versions = {}
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def _devices(backend: str) -> list[str]:
    if backend == "tensorflow":
        import tensorflow as tf

        names = []
        for device in tf.config.list_physical_devices():
            details = tf.config.experimental.get_device_details(device)
            names.append(details.get("device_name", device.device_type))
        return names
    if backend == "jax":
        import jax

        return [device.device_kind for device in jax.devices()]
    if backend == "torch":
        import torch

        gpus = range(torch.cuda.device_count())
        return [torch.cuda.get_device_name(index) for index in gpus] or ["cpu"]
    return []


def _source_commit() -> str | None:
    """Returns the commit of the checkout this file lies in, `+` if it was changed."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None  # Installed: an outer repository would not be ours.
    name_commit = "describe --always --abbrev=40 --exclude=* --dirty=+".split()
    command = ["git", "-C", str(root), *name_commit]
    try:
        return subprocess.check_output(
            command, stderr=subprocess.DEVNULL, text=True, timeout=10
        ).strip()
    except (OSError, subprocess.SubprocessError):
        return None
