"""Names of splits, as lists and folders bear them."""

import functools
import pathlib
import re
from collections.abc import Iterable

from pipelines.photos.listing import subfolders

# Tools disagree on the word for the second.
VALIDATION = ("val", "valid", "validation")
SPLITS = ("train", *VALIDATION, "test")
# Photos to measure on, those that chose nothing first.
REPORTED_SPLITS = ("test", *VALIDATION)

# Words in names of folders and files, and the split that they mean.
SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def as_split(name: str) -> str:
    """The name of a list or folder, in lower case if it means a split: `Train`."""
    lower = name.lower()
    return lower if lower in ("trainval", *SPLITS) else name


def by_split(named: Iterable[tuple[str, pathlib.Path]]) -> dict[str, pathlib.Path]:
    """Maps names as `as_split` gives them to the paths that bear them.

    Raises:
        ValueError: If two names are one split, such as `train` and `Train`.
    """
    found = {}
    for name, path in named:
        other = found.setdefault(as_split(name), path)
        if other != path:
            raise ValueError(
                f"{path.parent} has both {other.name} and {path.name}: names of splits "
                "are the same in any case. Join them, or rename one."
            )
    return found


def reported_split(unused) -> str | None:
    """The split to report on: `test`, else one to validate on; None without one.

    Args:
        unused: Names of splits that a training has not used, see `unused_splits`.
    """
    return next((name for name in REPORTED_SPLITS if name in unused), None)


def common_splits(lists) -> list[str]:
    """The splits that every source has, in the order of the first.

    Args:
        lists: Names of splits of each source, at least one list.
    """
    first, *others = lists
    return [name for name in first if all(name in names for names in others)]


def unused_splits(found, used) -> list[str]:
    """The splits that, by their names, hold no photo of those in use, in order.

    Args:
        found: Names of splits; `all` is none of its own.
        used: Names of those that were learned from or have chosen, None for none:
            `val`, `valid` and `validation` are one, `trainval` is `train` and `val`,
            and `all` every one. Those of TFDS, `train[:50%]+test`, are understood.
    """
    whole = [name for name in used if name]
    parts = [part.partition("[")[0] for name in whole for part in name.split("+")]
    used = {as_split(name) for name in (*whole, *parts)}
    if "trainval" in used:
        used |= {"train", *VALIDATION}
    if used & {*VALIDATION}:
        used |= {"trainval", *VALIDATION}
    if "train" in used:
        used |= {"trainval"}
    left = () if "all" in used else found
    return [name for name in left if as_split(name) not in {"all", *used}]


def split_folders(folder) -> dict[str, pathlib.Path]:
    """Maps splits to the subfolders that are named after them, in any case.

    Raises:
        ValueError: If two are named after one.
    """
    found = by_split((path.name, path) for path in subfolders(pathlib.Path(folder)))
    return {name: found[name] for name in SPLITS if name in found}


def choose_splits(source, found, split: str | None = None) -> tuple[str, ...]:
    """The splits to read: the one that is asked for, else `train`, else all.

    Args:
        source: The source, for the message.
        found: Names of the splits that it has.
        split: Name of a split, or `"all"`. Of `val`, `valid` and `validation` one
            stands for another where it is not there itself.

    Raises:
        ValueError: If the source has no such split, or none at all.
    """
    wanted = "train" if split is None else as_split(split)
    if wanted in found:
        return (wanted,)
    chosen = tuple(found)
    if split not in (None, "all"):
        chosen = tuple(name for name in found if {name, wanted} <= {*VALIDATION})
    if not chosen:
        raise ValueError(
            f"{source} has no split {wanted!r}. Expected one of: "
            f"{', '.join(found) or 'train, val, test'}."
        )
    return chosen


@functools.lru_cache(maxsize=4096)
def splits_in(name: str) -> frozenset[str]:
    """The splits that words of a name mean, such as `val` in `Valid2017`."""
    return frozenset(SPLIT_WORDS[word] for word in _words(name) if word in SPLIT_WORDS)


def has_split_word(name: str) -> bool:
    """Whether a word of a name means a split, or two as in `trainval2007`."""
    return any(map(_is_split_word, _words(name)))


def is_split_name(name: str) -> bool:
    """Whether a name has no other words: `train2017`, not `my-test`."""
    words = _words(name)
    return bool(words) and all(map(_is_split_word, words))


def _is_split_word(word):
    return word in SPLIT_WORDS or word == "trainval"


def _words(name):
    return re.findall("[a-z]+", name.lower())
