"""Reader of folders of photos."""

import os
import pathlib

from pipelines.photos.content import PhotoFile
from pipelines.photos.listing import list_photos
from pipelines.photos.photo import Photo, Photos

KIND = "a folder of photos"
# Subfolders of these names beside `train` are splits, not classes.
OTHER_SPLITS = ("val", "valid", "validation", "test")


def recognizes(source):
    """Whether the source is a folder."""
    return os.path.isdir(source)


def splits(source):
    """`train` and its sisters, where both are there."""
    if not os.path.isdir(os.path.join(source, "train")):
        return ()
    found = [s for s in OTHER_SPLITS if os.path.isdir(os.path.join(source, s))]
    return ("train", *found) if found else ()


def read(source, split=None, progress=None) -> Photos:
    """Reads the photos of a folder, at any depth.

    Where photos lie in two or more subfolders, a photo's label is the name of its
    first-level subfolder. Photos directly in the folder have no label.

    Args:
        source: Path of the folder; its name is that of the source.
        split: Name of a subfolder that holds a split. Without it, `train` is taken if
            there is one beside a `val`, `valid`, `validation` or `test`.
        progress: Not called.

    Raises:
        ValueError: If the folder cannot be read, the split is missing, or no file is
            named like a photo or begins like one.
    """
    folder = pathlib.Path(source)
    root = folder / (split or ("train" if splits(folder) else ""))
    if not os.path.isdir(root):
        raise ValueError(
            f"{folder} has no split {split!r}: expected a subfolder of that name. "
            "Leave the split out to read the whole folder."
        )
    problems = []
    paths = list_photos(root, problems)
    if not paths:
        raise ValueError(
            f"{root} holds no photos. Expected photos (JPEG, PNG, WebP, ...) at any "
            "depth, a VOC tree, or the path of a COCO json file."
            + (f" First problem: {problems[0]}" if problems else "")
        )
    subfolders = [path.relative_to(root).parts[0:-1][0:1] for path in paths]
    has_classes = len({parts for parts in subfolders if parts}) > 1
    name = folder.resolve().name
    photos = []
    for path, parts in zip(paths, subfolders, strict=True):
        label = parts[0] if has_classes and parts else None
        photos.append(Photo(path.stem, name, PhotoFile(path), label=label))
    return Photos(photos, name, problems)
