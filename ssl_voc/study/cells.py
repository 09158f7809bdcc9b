"""Cells of a study: one plain command each, named by its settings."""

import dataclasses
import hashlib
import re
import shlex
import sys

# Stands in a setting for the run folder of another cell.
RUN_OF = "cell:"
RESULT, FAILURE = "result.json", "failure.json"
_DIGITS = 10


@dataclasses.dataclass(frozen=True)
class Cell:
    """One run of a study and what is needed to start it.

    Attributes:
        kind: `pretrain`, `tune` (a fine-tuning that chooses a learning rate),
            `finetune` (with its evaluation) or `explain`.
        title: What a person is told that it is.
        settings: Pairs of a flag and its value, or tuple of values. A value `cell:KEY`
            is the run folder of that cell. They name the cell: what is done once is not
            done again, in this study or another.
        evaluation: Flags of its evaluation, as `settings`; none where the photos that
            were held out are reported.
        flags: Further words of the command.
        digest: What names its photos and labels beyond their paths.
        arm: Name of its arm; empty where several share it.
        share: Share of the labels.
        seed: Seed of the fine-tuning.
        rate: Learning rate, of an explanation that of what it explains; None before one
            is chosen: the cell cannot start then.
        epochs: Number of epochs.
        photos: Number of photos of an epoch.
        trials: Keys of the cells that choose its learning rate.
        start: What a pretraining begins with, in words; empty for random weights.
    """

    kind: str
    title: str
    settings: tuple
    evaluation: tuple = ()
    flags: tuple[str, ...] = ()
    digest: str = ""
    arm: str = ""
    share: float = 1.0
    seed: int = 0
    rate: float | None = None
    epochs: int = 0
    photos: int = 0
    trials: tuple[str, ...] = ()
    start: str = ""

    @property
    def key(self):
        """Name of its folder."""
        named = self.command, self.settings, self.flags, self.evaluation, self.digest
        digest = hashlib.sha256(repr(named).encode("utf-8", "replace")).hexdigest()
        title = re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")[:60]
        return f"{title}-{digest[:_DIGITS]}"

    @property
    def full_title(self):
        """The title with what it begins with, which is no part of the key."""
        return f"{self.title} from {self.start}" if self.start else self.title

    @property
    def command(self):
        """Name of the command."""
        return "finetune" if self.kind == "tune" else self.kind

    @property
    def needs(self):
        """Keys of the cells that must be done before."""
        values = [value for _, value in self.settings if isinstance(value, str)]
        return [v.removeprefix(RUN_OF) for v in values if v.startswith(RUN_OF)]

    @property
    def is_ready(self):
        """Whether all its settings are known."""
        return self.kind == "pretrain" or self.rate is not None

    @property
    def is_evaluated(self):
        """Whether it is measured on the reported photos."""
        return self.kind == "finetune"

    def run_folder(self, folder):
        """Path of its run, in the folder of all cells."""
        return run_folder_of(folder, self.key)

    def evaluation_folder(self, folder):
        """Path of the evaluation of its run."""
        return self.run_folder(folder) / "evaluation"

    def commands(self, folder):
        """Its commands, as lists of words.

        Args:
            folder: Path of the folder of all cells.
        """
        run = self.run_folder(folder)

        def words(settings):
            for text in words_of(settings):
                if text.startswith(RUN_OF):
                    text = str(run_folder_of(folder, text.removeprefix(RUN_OF)))
                yield text

        first = [f"ssl_voc.{self.command}", *words(self.settings), *self.flags]
        first = [sys.executable, "-m", *first, "--out", str(run)]
        if not self.is_evaluated:
            return [first]
        second = [sys.executable, "-m", "ssl_voc.evaluate", str(run)]
        out = str(self.evaluation_folder(folder))
        second += [*words(self.evaluation), "--out", out]
        return [first, second]


def run_folder_of(folder, key):
    """Path of the run of a cell.

    Args:
        folder: Path of the folder of all cells.
        key: `Cell.key`.
    """
    return cell_folder(folder, key) / "run"


def cell_folder(folder, key):
    """Path of a cell's folder: its own, or where it was done under another title.

    Args:
        folder: Path of the folder of all cells.
        key: `Cell.key`.
    """
    own = folder / key
    begun = (own / "run").exists() or (own / RESULT).exists()
    done = () if begun else folder.glob(f"*-{key[-_DIGITS:]}/{RESULT}")
    return next((path.parent for path in done), own)


def has_failed(outcome):
    """Whether a cell was run, and failed, by its result."""
    return bool(outcome) and "failed" in outcome


def words_of(settings):
    """Words of a command line.

    Args:
        settings: Pairs of a flag, empty before an operand, and its value, or tuple of
            values, before each of which the flag is repeated.
    """
    for flag, value in settings:
        for each in value if isinstance(value, tuple) else (value,):
            yield from (flag, str(each)) if flag else (str(each),)


def format_command(words):
    """A command as it is typed."""
    return shlex.join(["python", *words[1:]])
