"""Reader of COCO folders as Roboflow writes them: a json with its photos a split."""

import os
import pathlib

from pipelines.photos.photo import Photos, join_photos
from pipelines.readers import coco
from pipelines.readers.split_names import choose_splits, split_folders

KIND = "a folder with _annotations.coco.json files"
JSON_NAME = "_annotations.coco.json"


def recognizes(source):
    """Whether the folder, or its folder of a split, has such a json."""
    return os.path.isdir(source) and (_is_one(source) or bool(splits(source)))


def splits(source):
    """Names of the folders that have such a json; of one in the folder its own."""
    if _is_one(source):
        return coco.splits(os.path.join(source, JSON_NAME))
    folders = split_folders(source)
    return tuple(name for name, folder in folders.items() if _is_one(folder))


def read(source, split=None, progress=None) -> Photos:
    """Reads the photos of a folder of splits with their boxes, see `coco.read`.

    Args:
        source: Path of the folder that holds `train`, `valid` and `test`, or of one of
            these. The source is named by the folder and the split.
        split: Name of a split, see `choose_splits`. Without it, `train` is taken if
            there is one, else all.
        progress: Not called.

    Raises:
        ValueError: If there is no such split, or a json cannot be used.
    """
    folder = pathlib.Path(source)
    if _is_one(folder):
        photos = coco.read(folder / JSON_NAME, split)
        return photos.renamed(folder.resolve().name)
    chosen = choose_splits(folder, splits(folder), split)
    name = folder.resolve().name
    folders = split_folders(folder)
    parts = [
        coco.read(folders[part] / JSON_NAME).renamed(f"{name}/{part}")
        for part in chosen
    ]
    return join_photos(parts)


def _is_one(folder):
    return os.path.isfile(os.path.join(folder, JSON_NAME))
