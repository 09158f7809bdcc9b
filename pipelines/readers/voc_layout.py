"""Folder layout of VOC trees, and of folders much like them."""

import dataclasses
import itertools
import os
import pathlib

from pipelines.photos.listing import is_photo_name, subfolders
from pipelines.photos.names import same_name
from pipelines.readers.split_names import by_split
from pipelines.readers.voc_annotation import looks_like_annotation

# Beside a folder of annotations, these hold the photos as `JPEGImages` does.
_PHOTO_FOLDERS = ("images", "image", "imgs", "img", "photos", "pictures")
# Files looked into before a folder counts as one without annotations.
_NUM_LOOKED_INTO = 20


@dataclasses.dataclass(frozen=True, slots=True)
class VocTree:
    """Photos with an xml file each.

    Attributes:
        root: Folder of the tree; its name tells trees of a devkit apart.
        photos: Folder that the photos are in, at any depth.
        annotations: Folder that the annotations are in, at any depth; None where they
            lie beside the photos or are not there.
        lists: Folder of the image lists, or None.
    """

    root: pathlib.Path
    photos: pathlib.Path
    annotations: pathlib.Path | None
    lists: pathlib.Path | None

    def list_paths(self) -> dict[str, pathlib.Path]:
        """Maps names of lists to their files, sorted; those of splits in lower case.

        Raises:
            ValueError: If two files are lists of one split.
        """
        if self.lists is None:
            return {}
        paths = [self.lists / name for name in _names(self.lists)]
        paths = [path for path in paths if path.suffix.lower() == ".txt"]
        return by_split((path.stem, path) for path in paths)


def voc_trees(folder) -> list[VocTree]:
    """The VOC trees at or in a folder.

    A tree has `JPEGImages/`, or `images/` beside a folder of annotations; names count
    in any case. A devkit holds several (`VOC2007/`, `VOC2012/`, ...); the folder above
    a `VOCdevkit/` stands for it. Where there is none of these, a folder with
    annotations beside photos of the same name, itself or down to two levels below, is
    a tree of its own.

    Returns:
        Trees, sorted by path; empty if there is none.
    """
    folder = pathlib.Path(folder)
    for root in (folder, folder / "VOCdevkit"):
        tree = _tree_at(root)
        if tree is not None:
            return [tree]
        trees = [*filter(None, map(_tree_at, subfolders(root)))]
        if trees:
            return trees
    if _has_annotations_beside_photos(folder, levels=2):
        return [VocTree(folder, folder, None, None)]
    return []


def folders_beside_trees(folder, trees) -> list[pathlib.Path]:
    """Folders with photos that lie beside the trees and in none of them.

    Args:
        folder: As of `voc_trees`.
        trees: What that gave.
    """
    roots = {tree.root for tree in trees}
    parents = {root.parent for root in roots}
    if pathlib.Path(folder) in roots or len(parents) != 1:
        return []
    (parent,) = parents
    beside = [other for other in subfolders(parent) if other not in roots]
    found = [other for other in beside if _holds_photos(other, levels=2)]
    return found + [parent] * _holds_photos(parent, levels=0)


def _holds_photos(folder, levels):
    if any(map(is_photo_name, _names(folder))):
        return True
    return levels > 0 and any(
        _holds_photos(subfolder, levels - 1) for subfolder in subfolders(folder)
    )


def _tree_at(root):
    folders = subfolders(root)
    photos = _named(folders, "JPEGImages")
    annotations = _named(folders, "Annotations")
    if photos is None:
        found = (_named(folders, name) for name in _PHOTO_FOLDERS)
        photos = next(filter(None, found), None)
        if photos is None:
            return None
        others = [other for other in folders if other not in (photos, annotations)]
        others = ([annotations] if annotations else []) + others
        annotations = next(filter(_holds_annotations, others), None)
        if annotations is None:
            return None
    lists = _named(folders, "ImageSets")
    lists = lists and (_named(subfolders(lists), "Main") or lists)
    return VocTree(root, photos, annotations, lists)


def _named(folders, name):
    """The folder of a name, spelled as it is or else in any case, or None."""
    alike = [f for f in folders if f.name.casefold() == name.casefold()]
    exact = [folder for folder in alike if folder.name == name]
    return next(iter(exact + alike), None)


def _names(folder):
    """Sorted names of what a folder holds, nothing if it cannot be looked into.

    Hidden files are left out: macOS leaves `._a.xml` beside every `a.xml`.
    """
    try:
        return sorted(n for n in os.listdir(folder) if not n.startswith("."))
    except OSError:
        return []


def _holds_annotations(folder):
    """Whether a folder, or one right below it, has an annotation."""
    for place in (folder, *subfolders(folder)):
        names = (n for n in _names(place) if n.lower().endswith(".xml"))
        if _any_is_annotation(place / name for name in names):
            return True
    return False


def _has_annotations_beside_photos(folder, levels):
    names = _names(folder)
    photos = [name for name in names if is_photo_name(name)]
    # Annotations are called `a.xml`, by some tools `a.jpg.xml`.
    stems = {*map(_stem, photos), *(_stem(f"{name}.xml") for name in photos)}
    xml_names = (n for n in names if n.lower().endswith(".xml") and _stem(n) in stems)
    if stems and _any_is_annotation(folder / name for name in xml_names):
        return True
    return levels > 0 and any(
        _has_annotations_beside_photos(subfolder, levels - 1)
        for subfolder in subfolders(folder)
    )


def _stem(name):
    return same_name(pathlib.PurePath(name).stem).casefold()


def _any_is_annotation(paths):
    return any(map(looks_like_annotation, itertools.islice(paths, _NUM_LOOKED_INTO)))
