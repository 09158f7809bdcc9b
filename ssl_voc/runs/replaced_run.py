"""A run that `--overwrite` replaces: set aside until the new one has begun."""

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ssl_voc.runs.atomic_files import TEMPORARY_PREFIX
from ssl_voc.runs.folder_lock import lock_folder
from ssl_voc.runs.start_rules import METRICS, entries, own_folders, read_manifest

_ASIDE = f"{TEMPORARY_PREFIX}replaced"
_DISCARDED = f"{TEMPORARY_PREFIX}discarded"
_MANIFEST = "manifest.json"
_RECORDS = {_MANIFEST, "config.yaml", METRICS, "summary.json"}
# Lists of the photos that a run has seen, or is to be measured on.
_PHOTO_LIST = r"(\w+_)?photos\.tsv"
# What a training writes at its end.
_WEIGHTS = {"pretrain": "backbone.keras", "finetune": "model.keras"}


def set_aside(path: Path, names: Iterable[str]) -> None:
    """Moves entries of a run's folder into a hidden one there."""
    (path / _ASIDE).mkdir(exist_ok=True)
    for name in _manifest_last(names):
        os.replace(path / name, path / _ASIDE / name)


def is_aside(path: Path) -> bool:
    """Whether a run was set aside in a folder."""
    return (path / _ASIDE).is_dir()


def restore(path: Path) -> None:
    """Brings back a run that was set aside by a start that was killed.

    Raises:
        BadInput: when a process is about to replace it.
    """
    if is_aside(path):
        lock = lock_folder(path)
        try:
            bring_back(path)
        finally:
            lock.release()


def bring_back(path: Path) -> None:
    """Puts the run that was set aside, if one was, in the place of its successor.

    Killed at any moment it can be repeated.
    """
    if not is_aside(path):
        return
    aside, manifest = path / _ASIDE, read_manifest(path)
    # Without its manifest there the old one was never whole, and none of them is new;
    # without one here the new one is gone, and what is here is the old one's.
    if (aside / _MANIFEST).exists() and (path / _MANIFEST).exists():
        delete(path, names_of_run(path, manifest or {}))
    for name in _manifest_last(os.listdir(aside)):
        os.replace(aside / name, path / name)
    aside.rmdir()


def names_of_run(path: Path, manifest: Mapping[str, Any]) -> set[str]:
    """What lies in a folder of a run's own; in one of others, what the run wrote."""
    names = {*entries(path)}
    if manifest.get("owns_folder", False):
        return names
    weights = _WEIGHTS.get(manifest.get("command"))
    return records_in(path, manifest) | (names & {weights})


def records_in(path: Path, manifest: Mapping[str, Any]) -> set[str]:
    """What a run needs to go on or to be read, and no other program writes."""
    known = {*own_folders(manifest.get("command")), *_RECORDS}
    names = entries(path)
    return {n for n in names if n in known or re.fullmatch(_PHOTO_LIST, n)}


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
