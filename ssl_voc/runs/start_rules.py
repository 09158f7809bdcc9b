"""Rules of starting in a folder: create, replace, resume, or refuse."""

import dataclasses
import enum
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ssl_voc.cli.config_file import read_config_file
from ssl_voc.cli.errors import BadInput
from ssl_voc.runs.atomic_files import TEMPORARY_PREFIX
from ssl_voc.runs.environment import current_backend
from ssl_voc.runs.folder_lock import LOCK_NAME
from ssl_voc.runs.json_files import read_json_dict, read_jsonl
from ssl_voc.runs.paths import refuse_file

PROGRAM = "ssl_voc"
METRICS = "metrics.jsonl"
# Settings that may change: how long a run trains, and where its pixels wait.
CHANGEABLE = ("epochs", "time", "patience", "cache")
# Settings that name photos, and commands that compare the photos themselves: these may
# lie elsewhere by now.
_SOURCES = ("data", "unlabeled")
COMPARING_PHOTOS = ("pretrain", "finetune")
# Of the state after an epoch, whose number it holds.
CHECKPOINT_NAME = r"epoch_(\d+)\.npz"
# Kinds of entries of a manifest that are looked up by name.
_KINDS = {
    "backbone": str,
    "backbone_fingerprint": list,
    "batch_size": int,
    "burn_in_epochs": int,
    "class_names": list,
    "epochs": int,
    "image_size": int,
    "knn_top1_untrained": float,
    "mosaic": float,
    "starts": list,
    "task": str,
    "unfreeze_epoch": int,
    "weights": (str, type(None)),
}
_REMEDY = "Choose another --out, or replace it with --overwrite."
# What commands write, where that is no run of a training.
_RESULTS = {
    "evaluate": "evaluation",
    "explain": "explanation",
    "inspect": "report",
    "predict": "prediction",
}


def own_folders(command: str | None) -> tuple[str, ...]:
    """Folders that a run of a command writes to."""
    return ("pictures",) if command == "predict" else ("checkpoints", "tensorboard")


class Start(enum.Enum):
    """How a run begins in its folder."""

    CREATE = "create"
    REPLACE = "replace"
    RESUME = "resume"


def decide(
    path: Path,
    settings: Mapping[str, Any],
    command: str,
    overwrite: bool,
    extensions: tuple[str | None, Mapping[str, type]] = (None, {}),
) -> Start:
    """Looks at a folder and says how a run may start there. Changes nothing.

    Args:
        path: The folder; need not exist.
        settings: The settings of the run that wants to start.
        command: Name of its command.
        overwrite: Whether what lies there may be replaced.
        extensions: Setting that brings others with it, and the config class of each of
            its values, see `ssl_voc.cli.options.extended_by`.

    Raises:
        BadInput: If the run may not start there.
    """
    refuse_file("--out", path)
    names = entries(path)
    if not names:
        return Start.CREATE
    manifest = read_manifest(path)
    if manifest is None:
        return _decide_on_foreign(path, names, command, overwrite)
    if not _has_work(path, names):
        return Start.REPLACE
    begun = manifest.get("command")
    if begun not in (None, command):
        raise BadInput(
            f"--out: {path} holds what {begun} wrote, not {command}, and --overwrite "
            "replaces what the same command wrote alone. Choose another --out."
        )
    if overwrite:
        return Start.REPLACE
    obstacle = _find_obstacle(path, manifest, settings, command, extensions)
    if obstacle:
        raise BadInput(f"{obstacle} {_REMEDY}")
    return Start.RESUME


def begun_manifest(path: Path, overwrite: bool) -> dict[str, Any]:
    """The manifest of a run that can go on in a folder; empty where none can."""
    manifest = read_manifest(path)
    goes_on = manifest and not overwrite and _has_work(path, entries(path))
    return manifest if goes_on else {}


def entries(path: Path) -> list[str]:
    """Names what lies in a folder, without locks, unfinished files and macOS' own."""
    if not path.exists():
        return []
    passing = (LOCK_NAME, TEMPORARY_PREFIX, ".DS_Store")
    return [e.name for e in path.iterdir() if not e.name.startswith(passing)]


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Reads the manifest of a run's folder; `None` if there is none of ours."""
    manifest = read_json_dict(path / "manifest.json")
    return manifest if manifest.get("program") == PROGRAM else None


def find_damage(manifest: Mapping[str, Any]) -> str | None:
    """Says which entry of a manifest is none that was written; `None` if all are."""
    for name, kind in _KINDS.items():
        value = manifest.get(name)
        if name in manifest and not isinstance(value, kind):
            return f"{name} is {str(value)[:60]!r}"
    if not all(isinstance(name, str) for name in manifest.get("class_names", [])):
        return "class_names holds something other than text"
    return None


def _has_work(path: Path, names: Sequence[str]) -> bool:
    """Whether a run got as far as a first epoch or an end."""
    # One that did not, stopped by bad input, say, is worth no question: the command is
    # started again with the mistake corrected.
    begun = {"checkpoints", "summary.json"} & {*names}
    return bool(begun or read_jsonl(path / METRICS))


def _decide_on_foreign(
    path: Path, names: Sequence[str], command: str, overwrite: bool
) -> Start:
    if not overwrite:
        raise BadInput(
            f"--out: {path} is not empty and holds no run of this program. "
            "Choose another --out; --overwrite writes the run among those files."
        )
    taken = [name for name in (*own_folders(command), METRICS) if name in names]
    if taken:
        raise BadInput(
            f"--out: {path} holds {taken[0]} of another program, which a run would "
            "mix with its own. Choose another --out."
        )
    return Start.CREATE


def _find_obstacle(
    path: Path,
    manifest: Mapping[str, Any],
    settings: Mapping[str, Any],
    command: str,
    extensions: tuple[str | None, Mapping[str, type]],
) -> str | None:
    """Says why the run in a folder cannot go on; `None` if it can."""
    damage = find_damage({"starts": None, **manifest})
    if damage:
        return f"--out: manifest.json of {path} is damaged: {damage}."
    if "command" not in manifest:
        return f"--out: manifest.json of {path} does not tell its command."
    backend, current = manifest.get("backend"), current_backend()
    what = f"the {_RESULTS.get(command, 'run')} in {path}"
    if backend and current and backend != current:
        # Its random numbers are others: the rest would not be the rest of this run.
        return (
            f"--out: {what} began under the {backend} backend and cannot go "
            f"on under {current}. Set KERAS_BACKEND={backend}."
        )
    if not (path / "config.yaml").exists():
        return f"--out: {what} has lost its config.yaml."
    recorded = read_config_file(path / "config.yaml", "--out")
    # What an older version recorded, and this one has no setting for, changes nothing.
    changed = {
        name: f"{name} {recorded.get(name)!r} there, {settings[name]!r} now"
        for name in settings
        if recorded.get(name) != settings[name]
        and not _may_change(name, recorded.get(name), settings[name])
        and not (name in _SOURCES and command in COMPARING_PHOTOS)
    }
    if changed:
        told = f"--out: {what} has other settings: {'; '.join(changed.values())}."
        known = _settings_beside(recorded, settings, extensions)
        missing = [name for name in changed if name in known and name not in recorded]
        if missing and command in COMPARING_PHOTOS:
            return told + _tell_of_another_version(missing, recorded, known)
        goes_on = f" --resume {path} goes on by its own."
        return told + goes_on * (command in COMPARING_PHOTOS)
    epochs, num_done = settings.get("epochs"), len(read_jsonl(path / METRICS))
    if epochs is not None and epochs < num_done:
        return f"--epochs: {path} holds {num_done} epochs already, got {epochs}."
    if (path / "summary.json").exists():
        more = " Give more --epochs to go on." * ("epochs" in settings)
        if epochs is None:
            return f"--out: {what} is finished.{more}"
        if epochs <= num_done or _is_out_of_patience(recorded, settings):
            return f"--out: {what} is finished.{more}"
    if (path / "summary.json").exists() and not has_checkpoint(path):
        return f"--out: {what} is finished, and its checkpoints are gone."
    return None


def _settings_beside(
    recorded: Mapping[str, Any],
    settings: Mapping[str, Any],
    extensions: tuple[str | None, Mapping[str, type]],
) -> Collection[str]:
    """Names of the settings that go with a recorded choice, such as its objective."""
    name, by_choice = extensions
    config_class = by_choice.get(str(recorded.get(name)))
    if config_class is None:
        return settings
    return {field.name for field in dataclasses.fields(config_class)}


def _tell_of_another_version(
    missing: Sequence[str], recorded: Mapping[str, Any], known: Collection[str]
) -> str:
    """Says that a run lacks settings, so that it cannot go on by its own either."""
    unknown = [name for name in recorded if name not in known]
    return (
        f" Another version began it, whose config.yaml has no {', '.join(missing)}"
        + f" (but {', '.join(unknown)})" * bool(unknown)
        + ": unless a flag of yours set it, this version cannot go on with it, not "
        "by --resume either. Begin anew, by the flags without --resume."
    )


def _may_change(name: str, before: Any, now: Any) -> bool:
    # With patience and without, other photos are kept to choose the epoch.
    return name in CHANGEABLE and (name != "patience" or None not in (before, now))


def _is_out_of_patience(
    recorded: Mapping[str, Any], settings: Mapping[str, Any]
) -> bool:
    """Whether the same patience would end a finished run again."""
    names = "patience", "epochs"
    same = all(recorded.get(name) == settings.get(name) for name in names)
    return same and settings.get("patience") is not None


def has_checkpoint(path: Path) -> bool:
    """Whether a training in a folder has saved an epoch.

    Args:
        path: The run folder; need not exist.
    """
    names = (each.name for each in path.glob("checkpoints/*"))
    return any(re.fullmatch(CHECKPOINT_NAME, name) for name in names)


def refuse_to_write_over(out, run, what):
    """Keeps `--overwrite` from deleting the very run or model that is asked.

    Args:
        out: Path of the folder to be written.
        run: Path of the run or model.
        what: The latter in words.

    Raises:
        BadInput: when the one is, or holds, the other.
    """
    resolved, run = out.resolve(), run.resolve()
    if resolved == run or resolved in run.parents:
        raise BadInput(f"--out: {out} holds {what}. Name another folder.")
