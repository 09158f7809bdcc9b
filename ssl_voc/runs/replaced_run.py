"""A run that `--overwrite` replaces: set aside until the new one has begun."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from ssl_voc.runs.atomic_files import TEMPORARY_PREFIX

_ASIDE = f"{TEMPORARY_PREFIX}replaced"
_DISCARDED = f"{TEMPORARY_PREFIX}discarded"
_MANIFEST = "manifest.json"


def set_aside(path: Path, names: Iterable[str]) -> None:
    """Moves entries of a run's folder into a hidden one there."""
    (path / _ASIDE).mkdir(exist_ok=True)
    for name in _manifest_last(names):
        os.replace(path / name, path / _ASIDE / name)


def is_aside(path: Path) -> bool:
    """Whether a run was set aside in a folder."""
    return (path / _ASIDE).is_dir()


def bring_back(path: Path, names_of_new: Iterable[str]) -> None:
    """Puts the run that was set aside in the place of the one that replaced it.

    Killed at any moment it can be repeated.

    Args:
        path: The run's folder.
        names_of_new: Entries of the new run, which are deleted.
    """
    aside = path / _ASIDE
    # Without its manifest there the old one was never whole, and none of them is new;
    # without one here the new one is gone, and what is here is the old one's.
    if (aside / _MANIFEST).exists() and (path / _MANIFEST).exists():
        delete(path, names_of_new)
    for name in _manifest_last(os.listdir(aside)):
        os.replace(aside / name, path / name)
    aside.rmdir()


def discard(path: Path) -> None:
    """Deletes the run that was set aside, if one was; never to be brought back."""
    if is_aside(path):
        _delete_discarded(path)
        os.replace(path / _ASIDE, path / _DISCARDED)
    _delete_discarded(path)


def delete(path: Path, names: Iterable[str]) -> None:
    """Deletes entries of a run's folder, the manifest last.

    Killed before, the folder is still known to be ours.
    """
    for name in _manifest_last(names):
        entry = path / name
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _manifest_last(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (name == _MANIFEST, name))


def _delete_discarded(path: Path) -> None:
    if (path / _DISCARDED).exists():
        shutil.rmtree(path / _DISCARDED)
