"""Lookup of the annotation of each photo of a VOC tree."""

import collections
import pathlib

from pipelines.photos.listing import list_files
from pipelines.photos.names import photo_key, same_name
from pipelines.photos.photo import Problem
from pipelines.readers.voc_annotation import stated_file_name


def find_annotations(tree, photos, problems):
    """Maps photos to the xml files that belong to them.

    An annotation has the photo's path below its folder, if need be in another case, or
    has its name alone where just one photo and one file are called so. It is looked
    for in the folder of annotations, then beside the photos; where neither has any,
    anywhere in the tree. A photo that is still without takes the only left-over file
    whose `<filename>` names it, which is told.

    Args:
        tree: `VocTree`.
        photos: Maps the keys of all photos of the tree, see `photo_key`, to paths.
        problems: List to which a `Problem` is appended for what is told.

    Returns:
        `(found, left_over)`: a dict from keys to paths; paths of the files in the
        folder of annotations that belong to no photo.
    """
    found, left_over = {}, []
    for folder in (tree.annotations, tree.photos, tree.root):
        if folder is None or len(found) == len(photos):
            continue
        if folder == tree.root != tree.photos and found:
            continue
        listed = _list_xml(folder, problems)
        _match(photos, found, listed, folder, problems)
        if folder == tree.annotations or not left_over:
            left_over = listed
    left_over = _without(left_over, found)
    if left_over and len(found) < len(photos):
        _match_by_file_name(photos, found, left_over, problems)
    return found, _without(left_over, found)


def _list_xml(folder, problems):
    return [f for f in list_files(folder, problems) if f.suffix.lower() == ".xml"]


def _without(paths, found):
    taken = {*found.values()}
    return [path for path in paths if path not in taken]


def _match(photos, found, xml_paths, folder, problems):
    """Adds to `found` the annotations of a folder that are named like a photo.

    The closest likeness goes first; a file that two photos could claim is no one's.
    """
    by_name, keys = {}, [photo_key(path, folder) for path in xml_paths]
    known = {*keys}
    full_names = {_full_name(key, photo) for key, photo in photos.items()}
    for key, path in zip(keys, xml_paths, strict=True):
        # `a.jpg.xml` is of no `a.png`.
        if key not in photos and _last_folded(key) in full_names:
            stem = str(pathlib.PurePosixPath(key).with_suffix(""))
            key = key if stem in known else stem
        by_name.setdefault(_last_folded(key), []).append((key, path))
    num_photos = collections.Counter(map(_last_folded, photos))
    wanting = [key for key in photos if key not in found]
    for is_like in _LIKENESSES:
        taken, claims = {*found.values()}, {}
        for key in wanting:
            entries = by_name.get(_last_folded(key), ())
            is_only = num_photos[_last_folded(key)] == 1
            claims[key] = [
                path
                for other, path in entries
                if path not in taken and is_like(key, other, is_only)
            ]
        num_claims = collections.Counter(path for c in claims.values() for path in c)
        for key, paths in claims.items():
            if len(paths) == 1 and num_claims[paths[0]] == 1:
                found[key] = paths[0]
            elif len(paths) > 1:
                reason = f"one of {len(paths)} files that may annotate {key!r}"
                problems.append(Problem(str(paths[0]), reason, "annotation ambiguous"))
        wanting = [key for key in wanting if not claims[key]]


def _full_name(key, photo):
    return _last_folded(key) + photo.suffix.casefold()


# Whether the key of a photo resembles that of an annotation, the closest first.
_LIKENESSES = (
    lambda key, other, is_only: key == other,
    lambda key, other, is_only: key.casefold() == other.casefold(),
    lambda key, other, is_only: f"/{other}".casefold().endswith(f"/{key}".casefold()),
    lambda key, other, is_only: is_only,
)


def _last_folded(key):
    return key.rpartition("/")[2].casefold()


def _match_by_file_name(photos, found, xml_paths, problems):
    """Adds to `found` the only annotations whose `<filename>` names a photo."""
    annotations, named = {}, {}
    for path in xml_paths:
        name = pathlib.PureWindowsPath(stated_file_name(path)).name
        annotations.setdefault(same_name(name).casefold(), []).append(path)
    for key, photo in photos.items():
        named.setdefault(same_name(photo.name).casefold(), []).append(key)
    for name, keys in named.items():
        paths = annotations.get(name, [])
        if len(paths) == len(keys) == 1 and keys[0] not in found:
            found[keys[0]] = paths[0]
            reason = f"annotates {photos[keys[0]].name!r} by its <filename>"
            kind = "annotation of another name"
            problems.append(Problem(str(paths[0]), reason, kind))
