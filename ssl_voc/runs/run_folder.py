"""Run folder: created, resumed or refused, and safe against a kill."""

import contextlib
import datetime
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssl_voc.cli.config_file import config_to_dict, config_to_yaml
from ssl_voc.cli.errors import BadInput, StoppedEarly
from ssl_voc.runs import atomic_files, replaced_run
from ssl_voc.runs.environment import (
    current_backend,
    describe_compute,
    describe_software,
)
from ssl_voc.runs.folder_lock import LOCK_NAME, is_locked, lock_folder
from ssl_voc.runs.json_files import read_jsonl, to_json, write_json
from ssl_voc.runs.start_rules import (
    COMPARING_PHOTOS,
    METRICS,
    PROGRAM,
    Start,
    decide,
    entries,
    read_manifest,
)

# Where the run lies and whether it replaces another are no settings of it.
NOT_SETTINGS = ("out", "overwrite", "finish", "device")


class RunFolder:
    """One run's folder, locked while this object lives.

    Made by `RunFolder.open`. Every file is replaced at once: a process killed at any
    moment leaves either the old or the new one.

    Attributes:
        path: The folder.
        resuming: Whether an earlier start of the same run left work to go on from.
        manifest: What `manifest.json` holds.
    """

    def __init__(self, path: Path, lock: Any, resuming: bool, manifest: dict):
        self.path = path
        self.resuming = resuming
        self.manifest = manifest
        self._lock = lock
        self._held = {}  # texts by the names of their files
        # Folders that were made for it, the outermost last.
        self._made = ()
        # What lay there before; None where it stays even if it fails: an earlier start
        # left something, or it has results.
        self._found = None

    @staticmethod
    def check(folder: str | Path, config: Any, command: str, overwrite: bool) -> None:
        """Refuses a folder as `open` would, before long work; changes nothing."""
        _decide(Path(folder), config, command, overwrite)

    @classmethod
    def open(
        cls,
        folder: str | Path,
        config: Any,
        command: str,
        overwrite: bool = False,
    ) -> "RunFolder":
        """Creates a run's folder or takes up the unfinished run in it.

        The same command started again with the same settings resumes. `out`,
        `overwrite`, `finish` and `device` do not count as settings, and those that are
        `CHANGEABLE` may differ as long as no recorded epoch is lost; a finished run
        resumes with more epochs than it has.

        Args:
            folder: Where the run is written. Made with its parents.
            config: The command's config dataclass.
            command: Name of the command.
            overwrite: Whether to replace a run that cannot be resumed. In a folder
                that held other files when the run began, those stay.

        Raises:
            BadInput: If the folder is finished, holds another run or foreign files,
                is being written by another process, or cannot be written.
        """
        path = Path(folder)
        settings = _settings_of(config)
        try:
            replaced_run.restore(path)
            _decide(path, config, command, overwrite)
            made = [each for each in (path, *path.parents) if not each.exists()]
            path.mkdir(parents=True, exist_ok=True)
            lock = lock_folder(path)
            try:
                # Looked at again: another process may have been quicker.
                start = _decide(path, config, command, overwrite)
                found = {*entries(path)} if start is Start.CREATE else None
                manifest = _prepare(path, start, command, settings, overwrite)
                run = cls(path, lock, start is Start.RESUME, manifest)
                run._made, run._found = made, found
                if not (run.resuming and command in COMPARING_PHOTOS):
                    run._write_settings(config)
            except BaseException:
                replaced_run.bring_back(path)
                lock.release()
                raise
        except OSError as error:
            raise BadInput(f"--out: cannot write {path}: {error}") from error
        return run

    def record_settings(self, config: Any) -> None:
        """Writes `config.yaml` and what is held; the run is not finished from here on.

        A training calls this when its photos have proved to be there and, where it goes
        on, those that it began with: one that is refused stays as it was, and so does
        one that it was to replace.

        Args:
            config: The command's config dataclass.
        """
        self._write_settings(config)
        self.discard_replaced()

    def _write_settings(self, config: Any) -> None:
        summary = self.path / "summary.json"
        if summary.exists():
            summary.unlink()
        if self.manifest.pop("finished", None):
            self.update_manifest()
        self.write_text("config.yaml", config_to_yaml(_settings_of(config)))
        while self._held:
            self.write_text(*self._held.popitem())

    def hold_text(self, name: str, text: str) -> None:
        """Keeps a text file of a run that goes on until `record_settings` writes it."""
        self._held[name] = text

    def write_text(self, name: str, text: str) -> None:
        """Writes a UTF-8 text file."""
        atomic_files.write_text(self.path / name, text)

    def write_json(self, name: str, value: Any) -> None:
        """Writes a JSON file; nan and infinity become null."""
        write_json(self.path / name, value)

    def append_jsonl(self, name: str, row: Mapping[str, Any]) -> None:
        """Appends one JSON object as a line."""
        atomic_files.append_line(self.path / name, to_json(row))

    def read_epochs(self, num_saved: int = 0) -> list[dict[str, Any]]:
        """Reads `metrics.jsonl`: a row of figures for each epoch, in their order.

        Args:
            num_saved: Number of epochs that a checkpoint covers, which must be there.

        Raises:
            BadInput: If a row is not that of the next epoch, or some are missing.
        """
        rows = read_jsonl(self.path / METRICS)
        remedy = "Bring the file back, or begin anew with --overwrite."
        for number, row in enumerate(rows, start=1):
            kinds = {type(value) for value in row.values()}
            if row.get("epoch") != number or kinds - {int, float, type(None)}:
                raise BadInput(
                    f"{self.path / METRICS}, line {number}: expected the figures of "
                    f"epoch {number}, found {to_json(row)[:60]}. {remedy}"
                )
        if len(rows) < num_saved:
            raise BadInput(
                f"{self.path / METRICS} has {len(rows)} epochs, but a checkpoint is of "
                f"epoch {num_saved}. {remedy}"
            )
        return rows

    def drop_epochs_after(self, num_epochs: int) -> None:
        """Drops the rows of `metrics.jsonl` that no checkpoint covers."""
        rows = self.read_epochs()[:num_epochs]
        self.write_text(METRICS, "".join(to_json(row) + "\n" for row in rows))

    def update_manifest(self, **entries: Any) -> None:
        """Adds entries to `manifest.json`, and the devices once Keras knows them."""
        self.manifest.update(describe_compute(), **entries)
        self.write_json("manifest.json", self.manifest)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Writes `summary.json`, after which the run counts as finished."""
        self.update_manifest(finished=_now())
        self.write_json("summary.json", summary)
        self.discard_replaced()

    @property
    def is_replacing(self) -> bool:
        """Whether a run that `overwrite` set aside may come back."""
        return replaced_run.is_aside(self.path)

    def discard_replaced(self) -> None:
        """Lets go of the run that this one replaces: it has results of its own."""
        self._found = None
        replaced_run.discard(self.path)

    def close(self) -> None:
        """Lets another process open the folder.

        A run that was to be replaced is back in its place if this one has not begun.
        """
        try:
            replaced_run.bring_back(self.path)
        finally:
            self._lock.release()

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        # Who was interrupted goes on by what `config.yaml` says.
        failed = isinstance(error, Exception) and not isinstance(error, StoppedEarly)
        try:
            if failed and self._found is not None:
                self._remove()
        finally:
            self.close()

    def _remove(self) -> None:
        """Deletes what a run has written that failed before it had a result."""
        names = replaced_run.names_of_run(self.path, self.manifest) - self._found
        # Folders of other runs, begun in the meantime.
        names = {n for n in names if not any((self.path / n).rglob(LOCK_NAME))}
        # A folder may hold something else, or be on a disk that fails.
        with contextlib.suppress(OSError):
            replaced_run.delete(self.path, names)
            for folder in self._made:
                if folder == self.path:
                    (folder / LOCK_NAME).unlink(missing_ok=True)
                folder.rmdir()


def _prepare(
    path: Path,
    start: Start,
    command: str,
    settings: Mapping[str, Any],
    overwrite: bool,
) -> dict[str, Any]:
    # What lies in subfolders is ours where an earlier start was.
    atomic_files.remove_leftovers(path, subfolders=start is not Start.CREATE)
    manifest = read_manifest(path) or {}
    if start is Start.REPLACE:
        _clear(path, manifest, overwrite)
    if start is not Start.RESUME:
        manifest = {
            "program": PROGRAM,
            "command": command,
            "owns_folder": manifest.get("owns_folder", not entries(path)),
            "started": _now(),
            "seed": settings.get("seed"),
            "starts": [],
        }
    elif (log := path / METRICS).exists():
        # What is appended must not continue a line that a kill cut short.
        text = log.read_text(encoding="utf-8", errors="replace")
        atomic_files.write_text(log, text[: text.rfind("\n") + 1])
    manifest.update(describe_software(), **describe_compute())
    manifest["argv"] = sys.argv[1:]
    recorded = {name: manifest[name] for name in ("argv", "packages")}
    backend = current_backend()
    manifest["starts"].append({"time": _now(), **recorded, "backend": backend})
    # The first file: it marks the folder as ours.
    write_json(path / "manifest.json", manifest)
    return manifest


def _decide(path: Path, config: Any, command: str, overwrite: bool) -> Start:
    extensions = getattr(config, "extensions", (None, {}))
    return decide(path, _settings_of(config), command, overwrite, extensions)


def _settings_of(config: Any) -> dict[str, Any]:
    """The settings of a config that `config.yaml` records."""
    settings = config_to_dict(config)
    for name in NOT_SETTINGS:
        settings.pop(name, None)
    return settings


def _clear(path: Path, manifest: Mapping[str, Any], overwrite: bool) -> None:
    """Deletes the records of a run that did not get far, or sets a run aside."""
    if not overwrite:
        replaced_run.delete(path, replaced_run.records_in(path, manifest))
        return
    names = replaced_run.names_of_run(path, manifest)
    for name in names:
        if is_locked(path / name):
            raise BadInput(f"--out: another process is writing {path / name}.")
    replaced_run.set_aside(path, names)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
