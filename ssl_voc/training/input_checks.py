"""Inputs of a training, checked before anything heavy is loaded."""

import importlib.util
import os
from pathlib import Path
from typing import Any

from ssl_voc.backbone_families import TEACHER_PRESETS, family_of
from ssl_voc.cli.config_file import read_config_file
from ssl_voc.cli.errors import BadInput
from ssl_voc.runs.finished_run import refuse_unfinished
from ssl_voc.runs.paths import refuse_missing
from ssl_voc.runs.start_rules import has_checkpoint, read_manifest

DEFAULT_BACKBONE = "EfficientNetB1"
AUTO = "auto"
# Weights that are no paths.
_OTHER_WEIGHTS = (None, AUTO, "imagenet")


def backbone_of(weights: str | None) -> str:
    """Name of the backbone that weights are of, where a run tells; else the default."""
    folder = _run_of(weights)
    if folder is None:
        return DEFAULT_BACKBONE
    settings = read_config_file(folder / "config.yaml", "--weights")
    return settings.get("backbone") or DEFAULT_BACKBONE


def refuse_missing_inputs(config: Any) -> None:
    """Finds that data, `--backbone`, `--weights`, `--teacher` can be worked with.

    Args:
        config: A `TrainingConfig`, resolved.

    Raises:
        BadInput: when a path does not exist, a backbone is unknown, weights or a
            teacher are those of a run that has none, KerasHub would have the teacher
            and is not installed, or `--finish` finds no epoch.
    """
    has_begun = has_checkpoint(config.out)
    if config.finish and not has_begun:
        raise BadInput(
            f"--finish: no checkpoint of an epoch is in {config.out}. Leave the flag "
            "out to train."
        )
    sources = {"--data": config.data, "--unlabeled": getattr(config, "unlabeled", ())}
    for flag, names in sources.items():
        for name in names:
            refuse_missing_source(flag, name)
    if config.backbone == AUTO:
        pass  # of ours
    elif config.backbone.endswith(".keras"):
        refuse_missing("--backbone", Path(os.path.expanduser(config.backbone)))
    else:
        try:
            family_of(config.backbone)
        except ValueError as error:
            raise BadInput(f"--backbone: {error}") from error
    # Those of a checkpoint take the place of what a run began with.
    goes_on = has_begun and not config.overwrite
    if config.weights not in _OTHER_WEIGHTS and not goes_on:
        refuse_unusable_weights("--weights", config.weights)
    if getattr(config, "teacher", None) is not None:
        refuse_unusable_teacher(config.teacher)


def refuse_missing_source(flag: str, source: str) -> None:
    """Finds that photos which a path names are there.

    Args:
        flag: What names them, such as `--data`.
        source: See `pipelines.read`.

    Raises:
        BadInput: when it is a path that does not exist.
    """
    # Here, since `--help` has no use for readers.
    from pipelines.readers.sources import is_path

    if is_path(source):
        refuse_missing(flag, Path(os.path.expanduser(source)))


def refuse_unusable_weights(flag: str, name: str) -> None:
    """Finds that weights are there, without loading them.

    Args:
        flag: What names them, such as `--weights`.
        name: Path of a run folder or file.

    Raises:
        BadInput: when there is no such file, or a run that has no backbone.
    """
    path = Path(os.path.expanduser(name))
    refuse_missing(flag, path, "Expected a run folder, a file, or imagenet or none.")
    _refuse_unusable_run(flag, path)
    if path.is_dir() and not (path / "backbone.keras").is_file():
        raise BadInput(
            f"{flag}: {path} is no run folder. Expected that of a finished "
            "pretraining, a .keras or an .h5 file."
        )


def origins_of(config: Any) -> list[Path]:
    """The files or folders that weights are read from, of a teacher, too.

    Some may be no paths but names, which no file bears.
    """
    named = config.weights not in _OTHER_WEIGHTS
    names = config.weights if named else config.backbone, getattr(config, "teacher", "")
    return [Path(os.path.expanduser(name)) for name in names if name]


def refuse_unusable_teacher(name: str) -> None:
    """Finds that a teacher can be worked with, without loading it.

    Args:
        name: Value of `--teacher`.

    Raises:
        BadInput: when there is no such file, run or preset.
    """
    path = Path(os.path.expanduser(name))
    if path.exists() or not name.startswith(TEACHER_PRESETS):
        presets = " and ".join(f"{beginning}*" for beginning in TEACHER_PRESETS)
        known = f"Expected a pretraining, a .keras file or one of KerasHub's {presets}."
        refuse_missing("--teacher", path, known)
        _refuse_unusable_run("--teacher", path)
    elif importlib.util.find_spec("keras_hub") is None:
        raise BadInput(
            f"--teacher: {name} is one of KerasHub, which is not installed: pip "
            "install '.[teachers]' in the checkout of ssl_voc. A pretraining or a "
            ".keras file needs none."
        )


def _refuse_unusable_run(flag: str, path: Path) -> None:
    """Refuses a run without a finished backbone, if the path is, or lies in, a run."""
    folder = _run_of(str(path))
    if folder is None:
        return
    command = (read_manifest(folder) or {}).get("command")
    if command != "pretrain":
        raise BadInput(
            f"{flag}: {folder} is a run of {command}, which has no backbone to start "
            "from. Expected the folder of a pretraining."
        )
    if path.is_dir() and not (path / "backbone.keras").is_file():
        refuse_unfinished(flag, path, "backbone.keras")


def _run_of(weights: str | None) -> Path | None:
    """The run folder that weights are, or lie in; None where there is none."""
    if weights in _OTHER_WEIGHTS:
        return None
    path = Path(os.path.expanduser(weights))
    folder = path if path.is_dir() else path.parent
    is_run = read_manifest(folder) is not None and (folder / "config.yaml").is_file()
    return folder if is_run else None
