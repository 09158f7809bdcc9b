"""Names of splits, as lists and folders bear them."""

import functools
import pathlib
import re

from pipelines.photos.listing import subfolders

# What lies beside `train`.
OTHER_SPLITS = ("val", "valid", "validation", "test")

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
    return lower if lower in ("train", "trainval", *OTHER_SPLITS) else name


def split_folders(folder) -> dict[str, pathlib.Path]:
    """Maps splits to the subfolders that are named after them, in any case."""
    found = {as_split(path.name): path for path in subfolders(pathlib.Path(folder))}
    return {name: found[name] for name in ("train", *OTHER_SPLITS) if name in found}


@functools.lru_cache(maxsize=4096)
def splits_in(name: str) -> frozenset[str]:
    """The splits that words of a name mean, such as `val` in `Valid2017`."""
    words = re.findall("[a-z]+", name.lower())
    return frozenset(SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS)
