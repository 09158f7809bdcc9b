"""Rules of starting in a folder: create, replace, resume, or refuse."""

import enum
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ssl_voc.cli.config_file import read_config_file
from ssl_voc.cli.errors import BadInput
from ssl_voc.runs.atomic_files import TEMPORARY_PREFIX
from ssl_voc.runs.environment import current_backend
from ssl_voc.runs.folder_lock import LOCK_NAME
from ssl_voc.runs.json_files import read_jsonl

PROGRAM = "ssl_voc"
OWN_FOLDERS = ("checkpoints", "tensorboard")
_REMEDY = "Choose another --out, or replace it with --overwrite."


class Start(enum.Enum):
    """How a run begins in its folder."""

    CREATE = "create"
    REPLACE = "replace"
    RESUME = "resume"


def decide(
    path: Path, settings: Mapping[str, Any], command: str, overwrite: bool
) -> Start:
    """Looks at a folder and says how a run may start there. Changes nothing.

    Args:
        path: The folder; need not exist.
        settings: The settings of the run that wants to start.
        command: Name of its command.
        overwrite: Whether what lies there may be replaced.

    Raises:
        BadInput: If the run may not start there.
    """
    if path.exists() and not path.is_dir():
        raise BadInput(f"--out: {path} is a file. Name a folder.")
    names = entries(path)
    if not names:
        return Start.CREATE
    manifest = read_manifest(path)
    if manifest is None:
        return _decide_on_foreign(path, names, overwrite)
    if overwrite or not _has_work(path, names):
        return Start.REPLACE
    if manifest.get("command") != command:
        raise BadInput(
            f"--out: {path} holds a run of {manifest.get('command')}, "
            f"not of {command}. {_REMEDY}"
        )
    _refuse_other_backend(path, manifest)
    recorded = _recorded_settings(path)
    _refuse_changes(path, recorded, settings)
    _refuse_lost_epochs(path, settings)
    _refuse_finished(path, recorded, settings)
    return Start.RESUME


def entries(path: Path) -> list[str]:
    """Names what lies in a folder, without locks and unfinished files."""
    if not path.exists():
        return []
    passing = (LOCK_NAME, TEMPORARY_PREFIX)
    return [e.name for e in path.iterdir() if not e.name.startswith(passing)]


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Reads the manifest of a run's folder; `None` if there is none of ours."""
    try:
        manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(manifest, dict) and manifest.get("program") == PROGRAM
    return manifest if ours else None


def _has_work(path: Path, names: Sequence[str]) -> bool:
    """Whether a run got as far as a first epoch or an end.

    One that did not, stopped by bad input, say, is worth no question: the command is
    started again with the mistake corrected.
    """
    worth = ("checkpoints", "summary.json")
    return any(name in names for name in worth) or bool(
        read_jsonl(path / "metrics.jsonl")
    )


def _decide_on_foreign(path: Path, names: Sequence[str], overwrite: bool) -> Start:
    if not overwrite:
        raise BadInput(
            f"--out: {path} is not empty and holds no run of this program. "
            "Choose another --out; --overwrite writes the run among those files."
        )
    taken = [name for name in OWN_FOLDERS if name in names]
    if taken:
        raise BadInput(
            f"--out: {path} holds {taken[0]}/ of another program, which a run would "
            "mix with its own. Choose another --out."
        )
    return Start.CREATE


def _refuse_other_backend(path: Path, manifest: Mapping[str, Any]) -> None:
    recorded, current = manifest.get("backend"), current_backend()
    if recorded and current and recorded != current:
        # Its random numbers are others: the rest would not be the rest of this run.
        raise BadInput(
            f"--out: the run in {path} began under the {recorded} backend and cannot "
            f"go on under {current}. Set KERAS_BACKEND={recorded}. {_REMEDY}"
        )


def _recorded_settings(path: Path) -> dict[str, Any]:
    if not (path / "config.yaml").exists():
        raise BadInput(f"--out: the run in {path} has lost its config.yaml. {_REMEDY}")
    return read_config_file(path / "config.yaml")


def _refuse_changes(
    path: Path, recorded: Mapping[str, Any], settings: Mapping[str, Any]
) -> None:
    # What an older version recorded, and this one has no setting for, changes nothing.
    changed = [
        f"{name} {recorded.get(name)!r} there, {settings[name]!r} now"
        for name in settings
        if recorded.get(name) != settings[name] and name != "epochs"
    ]
    if changed:
        raise BadInput(
            f"--out: {path} holds a run with other settings: {'; '.join(changed)}. "
            f"{_REMEDY}"
        )


def _refuse_lost_epochs(path: Path, settings: Mapping[str, Any]) -> None:
    num_done = len(read_jsonl(path / "metrics.jsonl"))
    if settings.get("epochs", num_done) < num_done:
        raise BadInput(
            f"--epochs: {path} holds {num_done} epochs already, got "
            f"{settings['epochs']}. {_REMEDY}"
        )


def _refuse_finished(
    path: Path, recorded: Mapping[str, Any], settings: Mapping[str, Any]
) -> None:
    if not (path / "summary.json").exists():
        return
    if settings.get("epochs", 0) <= recorded.get("epochs", 0):
        more = "Give more --epochs to go on. " * ("epochs" in settings)
        raise BadInput(f"--out: the run in {path} is finished. {more}{_REMEDY}")


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
