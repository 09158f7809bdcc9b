"""Paths: links followed, misspelled ones refused, and folders named after the data."""

import os
from pathlib import Path

from ssl_voc.cli.errors import BadInput, did_you_mean

# Names of files and folders that do not tell whose they are, in lower case.
_COMMON_NAMES = {
    *("data", "dataset", "images", "jpegimages", "photos", "all"),
    *("annotations", "_annotations.coco", "instances_default"),
    *("train", "trainval", "val", "valid", "validation", "test"),
}


def real_path(path: str | os.PathLike) -> Path:
    """Where links lead; `Path.resolve` raises for a link to itself."""
    return Path(os.path.realpath(path))


def refuse_missing(flag: str, path: Path, expected: str = "") -> None:
    """Finds that a path that somebody typed is there.

    Args:
        flag: The argument that names it, for the message.
        path: Of a file or folder.
        expected: Sentence that says what was expected, if it helps.

    Raises:
        BadInput: when it does not exist.
        PermissionError: when nobody may tell.
    """
    try:
        os.stat(path)
    except PermissionError:
        raise
    except (OSError, ValueError):  # such as that of a link to itself
        expected = f" {expected}" * bool(expected)
        hint = suggest_path(path)
        raise BadInput(f"{flag}: {path} does not exist.{hint}{expected}") from None


def refuse_file(flag: str, folder: Path) -> None:
    """Finds that what is to be a folder is one, or not there yet.

    Args:
        flag: The argument that names it, for the message.
        folder: Its path.

    Raises:
        BadInput: when it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{flag}: {folder} is a file. Name a folder.")


def suggest_path(path: Path) -> str:
    """A sentence to append that names what was meant by a path that is not there."""
    try:
        names = [name for name in os.listdir(path.parent) if name != path.name]
    except (OSError, ValueError):  # closed, not there either, or no path at all
        return ""
    return did_you_mean(path.name, names, lambda name: path.parent / name)


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
