"""Splits that a finished run is asked about, the photos that it held out among them."""

import shlex

import pipelines
from pipelines.readers.split_names import common_splits, unused_splits
from pipelines.readers.training_splits import used_splits
from ssl_voc.cli.errors import BadInput
from ssl_voc.cli.native_log_filter import filter_native_logs
from ssl_voc.evaluate.config import HELD_OUT
from ssl_voc.runs.finished_run import HELD_OUT_LIST
from ssl_voc.training.input_checks import refuse_missing_source

# What data that nobody has split have in place of splits.
_UNSPLIT = ("all",)


def read_photos(data, split, finished, progress):
    """Reads the photos of a split.

    Args:
        data: Sources, see `pipelines.read`.
        split: Name of a split, `HELD_OUT`, or None.
        finished: `FinishedRun` that held photos out, if it did.
        progress: See `pipelines.read`.

    Raises:
        OSError, ValueError: when the photos cannot be read.
    """
    if split != HELD_OUT or not finished.has_held_out:
        return pipelines.read([*data], split, progress)
    table = pipelines.read_photo_table(finished.path / HELD_OUT_LIST)
    return pipelines.select_photos(pipelines.read([*data], None, progress), table)


def refuse_unusable_splits(data, split, finished, purpose):
    """Finds that data are there, and that a split is named which they have.

    Args:
        data: Sources, see `pipelines.read`.
        split: Name of a split, `HELD_OUT`, or None.
        finished: `FinishedRun` that is to be asked.
        purpose: Verb of what is to be done with the photos.

    Raises:
        BadInput: when a path does not exist; when no split is named where a source has
            several; when one is named where nobody has split what the run held photos
            out of.
    """
    for source in data:
        refuse_missing_source("--data", source)
    if split in (HELD_OUT, *_UNSPLIT) or (split and not finished.has_held_out):
        return
    splits = {source: _splits_of(source) for source in data}
    if split is None and any(len(found) > 1 for found in splits.values()):
        raise BadInput(_ask_for_split(splits, finished, purpose))
    for source, found in splits.items():
        if split is not None and found == _UNSPLIT:
            raise BadInput(
                f"--split: nobody has split {source}, got {split!r}. The run held "
                f"{_count_held_out(finished)} photos out of its data: to {purpose} "
                f"these, write --split {HELD_OUT}, or neither --split nor --data."
            )


def _ask_for_split(splits, finished, purpose):
    """Says which splits of sources a run has left to be asked about, if any."""
    left, learned = dict(splits), set()
    for source in {*splits} & {*finished.data}:
        named = map(finished.settings.get, ("train_split", "val_split"))
        used = used_splits(splits[source], *named)
        left[source] = unused_splits(splits[source], used)
        learned.add(repr(used[0]))
    places = ", ".join(map(str, splits))
    told = f" The run learned from {' and '.join(sorted(learned))}." if learned else ""
    if common := common_splits(left.values()):
        return (
            f"--split: name the photos of {places} to {purpose}, one of: "
            f"{', '.join(common)}.{told}"
        )
    for source, names in left.items():
        if names:
            return (
                f"--split: no split to {purpose} is left in each of {places}.{told} "
                f"Name one of them: --data {shlex.quote(str(source))}, which has "
                f"{', '.join(names)}."
            )
    return (
        f"--data: no split of {places} is left to {purpose}.{told} Name other photos "
        "by --data."
    )


def _splits_of(source):
    try:
        with filter_native_logs():  # of TensorFlow, which reads `tfds:` sources
            return pipelines.splits(source)
    except (ValueError, OSError) as error:
        raise BadInput(f"--data: {error}") from error


def _count_held_out(finished):
    try:
        return len(pipelines.read_photo_table(finished.path / HELD_OUT_LIST))
    except (ValueError, OSError) as error:
        raise BadInput(f"{finished.flag}: {error}") from error
