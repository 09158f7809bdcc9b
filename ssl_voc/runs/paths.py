"""Paths with links followed, and folders named after the data."""

import os
from pathlib import Path


def real_path(path: str | os.PathLike) -> Path:
    """Where links lead; `Path.resolve` raises for a link to itself."""
    return Path(os.path.realpath(path))


def default_folder(command: str, source: str) -> Path:
    """The folder under `runs/` that a command writes where none is named.

    Args:
        command: Name of the command.
        source: Path of the data, whose stem ends the folder's name.
    """
    stem = real_path(os.path.expanduser(source)).stem
    return Path("runs") / f"{command}-{stem}"
