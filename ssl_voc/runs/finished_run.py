"""Records of a finished fine-tuning, read without its model."""

import dataclasses
import hashlib
from pathlib import Path

from ssl_voc.cli.config_file import read_config_file
from ssl_voc.cli.errors import BadInput
from ssl_voc.runs import replaced_run
from ssl_voc.runs.folder_lock import is_locked
from ssl_voc.runs.json_files import read_jsonl
from ssl_voc.runs.paths import refuse_missing
from ssl_voc.runs.start_rules import METRICS, find_damage, read_manifest

# Lists of photos in run folders: those that a pretraining learned from; those that a
# fine-tuning learned from with boxes and without, chose its epoch on, and held out
# itself, where the data came without lists; and those that the weights it began with
# had seen, with their labels and without.
POOL_LIST = "photos.tsv"
TRAINING_LIST = "training_photos.tsv"
UNLABELED_LIST = "unlabeled_photos.tsv"
VALIDATION_LIST = "validation_photos.tsv"
HELD_OUT_LIST = "held_out_photos.tsv"
PRETRAINING_LIST = "pretraining_photos.tsv"
PRETRAINING_UNLABELED_LIST = "pretraining_unlabeled_photos.tsv"


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """A finished fine-tuning, as its folder tells.

    Attributes:
        path: The folder.
        manifest: What `manifest.json` holds.
        settings: What `config.yaml` holds.
        flag: The argument that named it, for messages.
    """

    path: Path
    manifest: dict
    settings: dict
    flag: str = "RUN"

    @property
    def task(self):
        """Name of the task that was learned."""
        return self.manifest["task"]

    @property
    def class_names(self):
        """Names of the classes, in the order of their scores."""
        return tuple(self.manifest["class_names"])

    @property
    def learned_mirrored(self):
        """Whether it learned from mirrored photos, too."""
        return self.settings.get("flip_rate") != 0.0

    @property
    def model_sha256(self):
        """Digest of the file of the model: of which weights figures are."""
        with open(self.path / "model.keras", "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def has_held_out(self):
        """Whether it held photos out of its data."""
        return (self.path / HELD_OUT_LIST).is_file()

    @property
    def data(self):
        """The `--data` that it learned from."""
        return tuple(self.settings["data"])


def read_finished_run(folder, flag="RUN"):
    """Reads what a finished `finetune` says of itself; loads no model.

    Args:
        folder: Path of the run folder.
        flag: The argument that named it, for messages.

    Returns:
        `FinishedRun`.

    Raises:
        BadInput: when there is no such run, or it is not finished.
    """
    folder = Path(folder)
    expected = "Expected the folder of a finished finetune run."
    if folder.is_file():
        raise BadInput(f"{flag}: {folder} is a file. Name its folder, {folder.parent}.")
    refuse_missing(flag, folder, expected)
    replaced_run.restore(folder)
    manifest = read_manifest(folder)
    if manifest is None:
        raise BadInput(f"{flag}: {folder} holds no run of this program. {expected}")
    if manifest.get("command") != "finetune":
        raise BadInput(
            f"{flag}: {folder} holds what {manifest.get('command')} wrote. {expected}"
        )
    for name in ("summary.json", "model.keras", "config.yaml"):
        if not (folder / name).is_file():
            refuse_unfinished(flag, folder, name)
    settings = read_config_file(folder / "config.yaml", flag)
    missing = {"class_names", "image_size", "task"} - manifest.keys()
    missing |= {"data"} - settings.keys()
    if missing:
        raise BadInput(
            f"{flag}: the records of {folder} lack {', '.join(sorted(missing))}. "
            f"{expected}"
        )
    damage, file = find_damage(manifest), "manifest.json"
    if not isinstance(settings["data"], list):
        damage, file = f"data is {str(settings['data'])[:60]!r}", "config.yaml"
    if damage:
        raise BadInput(f"{flag}: {file} of {folder} is damaged: {damage}. {expected}")
    return FinishedRun(folder, manifest, settings, flag)


def refuse_unfinished(flag, folder, missing):
    """Tells how a training ends that has not ended, or is at work at this moment.

    Args:
        flag: The argument that named it, for the message.
        folder: Path of its run folder.
        missing: Name of a file that a finished one has.

    Raises:
        BadInput: always.
    """
    manifest = read_manifest(folder) or {}
    resume = f"python -m ssl_voc.{manifest.get('command')} --resume {folder}"
    if not is_locked(folder):
        raise BadInput(
            f"{flag}: the run in {folder} is not finished, it has no {missing}. Go on "
            f"by {resume}, or end it with the epochs it has by --finish beside that."
        )
    done = len(read_jsonl(folder / METRICS))
    total = manifest.get("epochs")
    if total is None and (folder / "config.yaml").is_file():
        total = read_config_file(folder / "config.yaml", flag).get("epochs")
    of_all = f" of {total}" if total else ""
    raise BadInput(
        f"{flag}: another process is training the run in {folder} at this moment, "
        f"{done}{of_all} epochs are done. Wait for its end, or stop it by Ctrl-C and "
        f"end it with the epochs it has by {resume} --finish."
    )
