"""Labelled source that photos without boxes are a part of."""

import contextlib
import itertools
import mmap
import os
import pathlib
import re

from pipelines.photos.content import PhotoFile
from pipelines.photos.names import same_name
from pipelines.readers import coco, coco_folders, voc, yolo
from pipelines.readers.voc_layout import voc_trees
from pipelines.readers.yolo_labels import label_paths

# Folders above a photo, and json files in each of them, that are looked at.
_NUM_FOLDERS, _NUM_JSON_FILES = 3, 5
# COCO's largest json has 448 MiB; a larger one is not looked into.
_MOST_BYTES = 512 * 2**20
# Keys of annotations that give boxes.
_OUTLINES = (b"bbox", b"segmentation")


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
    if reader is coco and not _may_name(source, path.stem):
        return False
    return reader.recognizes(source)


def _may_name(file, stem):
    """Whether a json has outlines and the name of a photo, without parsing all of it.

    The longest run of ASCII letters and digits is looked for, which no tool escapes:
    the rest may be escaped, for json or for urls, or composed in another way.
    """
    if not 0 < os.path.getsize(file) <= _MOST_BYTES:
        return False
    runs = re.findall("[A-Za-z0-9]+", same_name(stem))
    longest = max(runs, key=len, default="").encode()
    with open(file, "rb") as opened:
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if b"\0" in content[:4]:  # UTF-16, of which Windows makes json files
                return True
            has_outlines = any(content.find(key) >= 0 for key in _OUTLINES)
            return has_outlines and bool(re.search(longest, content, re.IGNORECASE))
