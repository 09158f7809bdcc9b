"""Paths with links followed, and folders named after the data."""

import os
from pathlib import Path

# Names of files and folders that do not tell whose they are, in lower case.
_COMMON_NAMES = {
    *("data", "dataset", "images", "jpegimages", "photos", "all"),
    *("annotations", "_annotations.coco", "instances_default"),
    *("train", "trainval", "val", "valid", "validation", "test"),
}


def real_path(path: str | os.PathLike) -> Path:
    """Where links lead; `Path.resolve` raises for a link to itself."""
    return Path(os.path.realpath(path))


def default_folder(command: str, source: str) -> Path:
    """The folder under `runs/` that a command writes where none is named.

    Args:
        command: Name of the command.
        source: Path of the data, whose stem ends the folder's name; behind the names
            above it where that is one of many, such as `data` or `train`.
    """
    path = real_path(os.path.expanduser(source))
    names = [path.stem]
    for folder in path.parents:
        if names[0].lower() not in _COMMON_NAMES or not folder.name:
            break
        names.insert(0, folder.name)
    return Path("runs") / "-".join([command, *names])
