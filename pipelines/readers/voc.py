"""Reader of Pascal VOC trees."""

import os
import pathlib
import re

from pipelines.photos.content import PhotoFile
from pipelines.photos.listing import is_photo_name
from pipelines.photos.photo import Photo, Photos, Problem, main_class
from pipelines.readers.voc_annotation import read_voc_annotation

KIND = "a VOC tree or devkit"
# The lists beside a VOC tree's own that hold the photos of one class.
_LIST_OF_CLASS = re.compile(r".+_(train|val|trainval|test)$")


def voc_trees(folder) -> list[pathlib.Path]:
    """The VOC trees at or in a folder.

    A tree has `JPEGImages/`. A devkit holds several (`VOC2007/`, `VOC2012/`, ...); the
    folder above a `VOCdevkit/` stands for it.

    Returns:
        Paths of the trees, sorted; empty if there is none.
    """
    folder = pathlib.Path(folder)
    for root in (folder, folder / "VOCdevkit"):
        if _is_tree(root):
            return [root]
        try:
            trees = sorted(path for path in root.iterdir() if _is_tree(path))
        except OSError:
            continue  # What cannot be looked into is no tree.
        if trees:
            return trees
    return []


def recognizes(source):
    """Whether the source is a folder with a VOC tree."""
    return bool(voc_trees(source))


def splits(source):
    """Names of the lists that every tree has, those of single classes left out."""
    lists = [
        {path.stem for path in (tree / "ImageSets" / "Main").glob("*.txt")}
        for tree in voc_trees(source)
    ]
    if not any(lists):
        return ("all",)
    common = sorted(set.intersection(*lists))
    common = [name for name in common if not _LIST_OF_CLASS.match(name)]
    return (*common, "all") if common else ()


def read(source, split=None, progress=None) -> Photos:
    """Reads a VOC tree, or every tree of a devkit.

    A photo's label is the class of its largest object that is not difficult. Bad
    annotations never lose a photo: they are listed in `Photos.problems`.

    Args:
        source: Path of a tree or a devkit; its name is that of the source.
        split: Name of a list in `ImageSets/Main`. Without it, the `train` list is
            taken if the tree has one, else all photos. `"all"` takes all photos.
        progress: Not called.

    Raises:
        ValueError: If there is no tree, no such list, or no photo.
    """
    folder = pathlib.Path(source)
    name = folder.resolve().name
    trees = voc_trees(folder)
    if not trees:
        raise ValueError(f"{folder} is no VOC tree: it has no JPEGImages folder.")
    photos, problems = [], []
    for tree in trees:
        _read_tree(tree, split, name, photos, problems)
    if not photos:
        raise ValueError(
            f"{folder} gives no photo"
            + (f" for split {split!r}" if split else "")
            + (f"; first problem: {problems[0]}" if problems else "")
            + ". Check that JPEGImages and ImageSets/Main belong together."
        )
    return Photos(photos, name, problems)


def _is_tree(folder):
    # `Path.is_dir` would raise in a folder such as a disk's `lost+found`.
    return os.path.isdir(folder / "JPEGImages")


def _read_tree(tree, split, source, photos, problems):
    paths = _photos_by_stem(tree / "JPEGImages", problems)
    list_path = _list_path(tree, split)
    if list_path is None:
        image_ids = sorted(paths)
        for path in sorted((tree / "Annotations").glob("*.xml")):
            if path.stem not in paths:
                reason = "its photo is not in JPEGImages"
                problems.append(Problem(str(path), reason, "photo missing"))
    else:
        image_ids = _read_list(list_path, paths, problems)
    for image_id in image_ids:
        path = tree / "Annotations" / f"{image_id}.xml"
        objects, *size = read_voc_annotation(path, problems)
        content, label = PhotoFile(paths[image_id]), main_class(objects)
        photos.append(Photo(image_id, source, content, objects, label, *size))


def _photos_by_stem(folder, problems):
    """Maps stems to paths.

    Names are only ever looked up here, never joined to a path, so that a list or
    annotation cannot point outside the folder.
    """
    paths = {}
    for path in sorted(folder.iterdir()):
        if not is_photo_name(path.name):
            continue
        if path.stem in paths:
            reason = f"{paths[path.stem].name} has the same stem"
            problems.append(Problem(str(path), reason, "photo repeated"))
        paths.setdefault(path.stem, path)
    return paths


def _list_path(tree, split):
    lists = tree / "ImageSets" / "Main"
    if split is None:
        path = lists / "train.txt"
        return path if path.is_file() else None
    if split == "all":
        return None
    available = {path.stem: path for path in sorted(lists.glob("*.txt"))}
    if split not in available:
        raise ValueError(
            f"{tree} has no split {split!r}. Expected one of: "
            f"{', '.join([*available, 'all'])}."
        )
    return available[split]


def _read_list(path, paths, problems):
    image_ids = {}  # a dict, since a set would forget the order
    text = path.read_text(encoding="utf-8", errors="replace")
    for line in text.splitlines():
        image_id = _first_column(line)
        if not image_id:
            continue
        if image_id not in paths and is_photo_name(image_id):
            image_id = pathlib.PurePath(image_id).stem
        if image_id in paths:
            image_ids[image_id] = None
        else:
            reason = f"names {image_id!r}, which is not in JPEGImages"
            problems.append(Problem(str(path), reason, "photo missing"))
    return list(image_ids)


def _first_column(line):
    """The name in a line; VOC's lists per class add 1, 0 or -1 behind it."""
    words = line.split()
    if len(words) > 1 and words[-1] in ("1", "0", "-1"):
        words = words[:-1]
    return " ".join(words)
