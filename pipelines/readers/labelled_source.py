"""Labelled source that photos without boxes are a part of."""

import contextlib
import itertools
import json
import mmap
import os
import pathlib

from pipelines.photos.content import PhotoFile
from pipelines.readers import coco, coco_folders, voc, yolo
from pipelines.readers.voc_layout import voc_trees
from pipelines.readers.yolo_labels import label_paths

# Folders above a photo, and json files in each of them, that are looked at.
_NUM_FOLDERS, _NUM_JSON_FILES = 3, 5
# COCO's largest json has 448 MiB; a larger one is not looked into.
_MOST_BYTES = 512 * 2**20


def tell_of_labelled_source(photos) -> str:
    """Says which source gives photos with their boxes, if these are a part of one.

    Args:
        photos: `Photos`, such as those of the folder `JPEGImages` of a VOC tree.

    Returns:
        A sentence to append, by the first photo; empty where some photo is annotated,
        or no source is near.
    """
    first = next(iter(photos), None)
    content = getattr(first, "content", None)
    if any(p.annotated for p in photos) or not isinstance(content, PhotoFile):
        return ""
    path = pathlib.Path(os.path.realpath(content.path))
    for reader, source, split in _candidates(path):
        # What lies above is not what was named: whatever is wrong there is left out.
        with contextlib.suppress(OSError, ValueError):
            if _may_have(reader, source, path) and any(
                _is_labelled(other, path) for other in reader.read(source, split)
            ):
                return f" These photos are a part of {reader.KIND}: give {source}."
    in_labels = label_paths(path)[:-1]  # the last one is beside it: any text
    labels = next(filter(os.path.isfile, in_labels), None)
    if labels is None:
        return ""
    return f" They have YOLO labels, such as {labels}: write a data.yaml and give that."


def _is_labelled(photo, path):
    is_file = photo.annotated and isinstance(photo.content, PhotoFile)
    return is_file and os.path.realpath(photo.content.path) == str(path)


def _candidates(path):
    """Readers, sources and splits that may have the boxes of a photo, nearest first."""
    for folder in itertools.islice(path.parents, _NUM_FOLDERS):
        for reader in (voc, yolo, coco_folders):
            yield reader, folder, "all"
        for name in ("", "annotations"):
            files = sorted((folder / name).glob("*.json"))
            for file in files[:_NUM_JSON_FILES]:
                yield coco, file, None


def _may_have(reader, source, path):
    """Whether a reader takes a source, a VOC tree with a folder around the photo."""
    if reader is voc:
        trees = [tree for tree in voc_trees(source) if tree.photos != tree.root]
        return any(tree.photos in path.parents[:-1] for tree in trees)
    if reader is coco and not _has_texts(source, ("bbox", path.stem)):
        return False
    return reader.recognizes(source)


def _has_texts(file, texts):
    """Whether a json has some texts, found without the long work of parsing it."""
    if not 0 < os.path.getsize(file) <= _MOST_BYTES:
        return False
    with open(file, "rb") as opened:
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return all(
                any(content.find(form) >= 0 for form in _written(text))
                for text in texts
            )


def _written(text):
    """A text as json may have it: plain, or with escaped characters."""
    return {os.fsencode(text), json.dumps(text)[1:-1].encode()}
