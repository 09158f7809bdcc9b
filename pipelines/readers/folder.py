"""Reader of folders of photos."""

import collections
import itertools
import os
import pathlib

from pipelines.photos.content import PhotoFile
from pipelines.photos.listing import is_hidden, is_photo, list_files, subfolders
from pipelines.photos.names import image_ids, same_name
from pipelines.photos.photo import Photo, Photos, Problem
from pipelines.readers.split_names import split_folders
from pipelines.readers.voc_annotation import looks_like_annotation

KIND = "a folder of photos"
# Of files that hold the boxes of many photos.
_TABLE_SUFFIXES = (".json", ".jsonl", ".csv", ".tfrecord", ".parquet")
# Files beside a split that are listed a folder, and xml files that are opened.
_NUM_BESIDE, _NUM_LOOKED_INTO = 1000, 20


def recognizes(source):
    """Whether the source is a folder."""
    return os.path.isdir(source)


def splits(source):
    """`train` and its sisters, where both are there; these are then no classes."""
    return tuple(_sisters(split_folders(source)))


def _sisters(folders):
    """The folders of splits, if `train` and another are there."""
    return folders if "train" in folders and len(folders) > 1 else {}


def read(source, split=None, progress=None) -> Photos:
    """Reads the photos of a folder, at any depth.

    Where photos lie in two or more subfolders, a photo's label is the name of its
    first-level subfolder, below that of a split. Photos directly there have no label.

    Args:
        source: Path of the folder; its name is that of the source.
        split: Name of a subfolder that holds a split, or `"all"`. Without it, `train`
            is taken if there is one beside a `val`, `valid`, `validation` or `test`.
        progress: Not called.

    Raises:
        ValueError: If the folder cannot be read, the split is missing, or no file is
            named like a photo or begins like one.
    """
    folder = pathlib.Path(source)
    folders = split_folders(folder)
    part = split or ("train" if _sisters(folders) else "")
    if part == "all" and not os.path.isdir(folder / part):
        part = ""
    root = folders.get(part, folder / part)
    if not os.path.isdir(root):
        raise ValueError(
            f"{folder} has no split {split!r}: expected a subfolder of that name. "
            "Leave the split out to read the whole folder."
        )
    problems = []
    files = list_files(root, problems)
    paths = [path for path in files if is_photo(path, problems)]
    if not paths:
        raise ValueError(
            f"{root} holds no photos. Expected photos (JPEG, PNG, WebP, ...) at any "
            "depth, a VOC tree, or the path of a COCO json file or a data.yaml."
            + (f" First problem: {problems[0]}" if problems else "")
        )
    _tell_of_labels(
        folder, files + _files_beside(root, folder, folders), paths, problems
    )
    above = {path.name for path in _sisters(folders).values()} if not part else ()
    first_folders = [_first_folder(path.relative_to(root), above) for path in paths]
    has_classes = len({parts for parts in first_folders if parts}) > 1
    name = folder.resolve().name
    photos = []
    names = image_ids([path.relative_to(root).as_posix() for path in paths])
    for path, parts, image_id in zip(paths, first_folders, names, strict=True):
        label = same_name(parts[0]) if has_classes and parts else None
        content = PhotoFile(path)
        photos.append(Photo(image_id, name, content, label=label, annotated=False))
    return Photos(photos, name, problems)


def _first_folder(path, above):
    """The first folder of a path, as a tuple; empty if there is none.

    Folders `above` hold the photos of a split, which is no class.
    """
    folders = path.parts[:-1]
    return folders[1:2] if folders[:1] and folders[0] in above else folders[:1]


def _files_beside(root, folder, folders):
    """Files beside the folder of a split, and in folders that hold no split.

    They serve a hint: of large folders the first files will do.
    """
    if root == folder:
        return []
    others = [path for path in subfolders(folder) if path != root]
    places = [folder]
    for other in others:
        if other not in folders.values():
            places += [other, *subfolders(other)[:_NUM_LOOKED_INTO]]
    return sorted(path for place in places for path in _first_files(place))


def _first_files(folder):
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in itertools.islice(entries, _NUM_BESIDE)]
    except OSError:
        return []  # what cannot be looked into
    paths = [folder / name for name in names]
    return [path for path in paths if os.path.isfile(path) and not is_hidden(path)]


def _tell_of_labels(folder, files, paths, problems):
    """Says which files may hold boxes that are not read, since nothing tells how."""
    stems = {path.stem for path in paths}
    files, unknown = _may_hold_boxes(files, stems)
    files += filter(looks_like_annotation, unknown[:_NUM_LOOKED_INTO])
    if files:
        found = collections.Counter(path.suffix.lower() for path in files)
        counts = " and ".join(f"{found[suffix]} {suffix}" for suffix in sorted(found))
        reason = (
            f"holds {counts} files ({files[0].relative_to(folder)} first) that are not "
            "read for boxes: expected a VOC tree, or annotations in xml beside the "
            "photos, a data.yaml, or the path of a COCO json"
        )
        problems.append(Problem(str(folder), reason, "labels not read"))


def _may_hold_boxes(files, stems):
    """Files that hold boxes by their name, and other xml files."""
    named, unknown = [], []
    for path in files:
        suffix = path.suffix.lower()
        if suffix in _TABLE_SUFFIXES or (
            suffix in (".xml", ".txt") and path.stem in stems
        ):
            named.append(path)
        elif suffix == ".xml":
            unknown.append(path)
    return named, unknown
