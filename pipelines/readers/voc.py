"""Reader of Pascal VOC trees, and of folders much like them."""

import dataclasses
import os
import pathlib
import re

from pipelines.photos.content import PhotoFile
from pipelines.photos.listing import list_photos
from pipelines.photos.names import image_ids, photo_key
from pipelines.photos.photo import Photo, Photos, Problem, main_class
from pipelines.readers.split_names import SPLITS, as_split, split_folders
from pipelines.readers.voc_annotation import read_voc_annotation
from pipelines.readers.voc_annotation_finder import find_annotations
from pipelines.readers.voc_layout import VocTree, folders_beside_trees, voc_trees
from pipelines.readers.voc_lists import read_voc_list

KIND = "a VOC tree or devkit"
# The lists beside a VOC tree's own that hold the photos of one class.
_LIST_OF_CLASS = re.compile(r".+_(train|val|trainval|test|default)$", re.IGNORECASE)
# CVAT's list of photos that are in no split.
_NO_SPLIT = "default"
_NUM_NAMED = 5


def recognizes(source):
    """Whether the source is a folder with a VOC tree."""
    return bool(voc_trees(source))


def splits(source):
    """Names of the lists that every tree has, those of single classes left out.

    Without any list, subfolders `train` and `val`, `valid`, `validation` or `test` are
    splits. A list `default` alone is none: CVAT so calls photos that are in no split.
    """
    trees = voc_trees(source)
    lists = [{*tree.list_paths()} for tree in trees]
    if not any(lists):
        return (*_split_folders(trees), "all")
    if {n for n in set.union(*lists) if not _LIST_OF_CLASS.match(n)} == {_NO_SPLIT}:
        return ("all",)
    common = sorted(set.intersection(*lists))
    common = [name for name in common if not _LIST_OF_CLASS.match(name)]
    return (*common, "all") if common else ()


def read(source, split=None, progress=None) -> Photos:
    """Reads a VOC tree, every tree of a devkit, or a folder of photos with xml files.

    A photo's label is the class of its largest object that is not difficult. Bad
    annotations never lose a photo, which is then not `annotated`: they are listed in
    `Photos.problems`. Photos of one name, in subfolders or several trees, are told
    apart by their path.

    Args:
        source: Path of a tree or a devkit, see `voc_trees`; its name is that of the
            source.
        split: Name of a list in `ImageSets/Main`, or of a subfolder where there are no
            lists, see `splits`. Without it, `train` is taken if there is one, else all
            photos. `"all"` takes all photos.
        progress: Not called.

    Raises:
        ValueError: If there is no tree, no such split, or no photo.
    """
    folder = pathlib.Path(source)
    split = split and as_split(split)
    name = folder.resolve().name
    trees = voc_trees(folder)
    if not trees:
        raise ValueError(
            f"{folder} is no VOC tree: it has no JPEGImages folder, no folder `images` "
            "beside annotations, and no xml files beside photos. " + _holdings(folder)
        )
    reason = "holds photos that lie in no VOC tree: left out; name it by itself"
    problems = [
        Problem(str(other), reason, "photos beside VOC trees")
        for other in folders_beside_trees(folder, trees)
    ]
    photos = []
    listed = [_ListedTree(t, _photos_by_key(t.photos, problems)) for t in trees]
    ids = iter(image_ids([path for part in listed for path in part.paths(len(trees))]))
    for part in listed:
        part.image_ids = {key: next(ids) for key in part.photos}
    folders = () if any(tree.list_paths() for tree in trees) else _split_folders(trees)
    has_train = any("train" in tree.list_paths() for tree in trees)
    for part in listed:
        keys = sorted(part.photos)
        found, left_over = find_annotations(part.tree, part.photos, problems)
        if split != "all" and folders:
            keys = part.in_folder(split or "train", folders, len(trees))
        elif split is None and has_train and "train" not in part.tree.list_paths():
            reason = "has no list `train` as other trees have: its photos are left out"
            problems.append(Problem(str(part.tree.root), reason, "split missing"))
            continue
        elif split != "all" and (split or has_train):
            keys = _listed(part, split or "train", problems)
        else:
            _tell_left_over(part.tree, left_over, problems)
        without = [part.image_ids[key] for key in keys if key not in found]
        if without:
            told = part.tree, without, len(keys), left_over
            problems.append(_annotations_missing(*told))
        photos += _read_photos(part, keys, found, name, problems)
    if not photos:
        raise ValueError(
            f"{folder} gives no photo"
            + (f" for split {split!r}" if split else "")
            + (f"; first problem: {problems[0]}" if problems else "")
            + f". {listed[0].tree.photos.name} holds {len(listed[0].photos)} photos: "
            "check that it and ImageSets/Main belong together."
        )
    return Photos(photos, name, problems)


@dataclasses.dataclass(slots=True)
class _ListedTree:
    """A tree with its photos; a photo's key is its path without suffix, in NFC."""

    tree: VocTree
    photos: dict[str, pathlib.Path]
    image_ids: dict[str, str] = dataclasses.field(default_factory=dict)

    def paths(self, num_trees):
        """Paths of the photos below the source."""
        above = f"{self.tree.root.name}/" if num_trees > 1 else ""
        places = (path.relative_to(self.tree.photos) for path in self.photos.values())
        return [above + place.as_posix() for place in places]

    def in_folder(self, split, folders, num_trees):
        """Keys of the photos in the subfolder of a split."""
        if split not in folders:
            raise ValueError(
                f"{self.tree.root} has no split {split!r}. Expected one of: "
                f"{', '.join((*folders, 'all'))}."
            )
        paths = zip(self.photos, self.paths(num_trees), strict=True)
        return [key for key, path in paths if path.lower().startswith(f"{split}/")]


def _split_folders(trees):
    """Names of folders that are splits: trees, or subfolders of the only tree."""
    names = {tree.root.name.lower() for tree in trees}
    if len(trees) == 1:
        names = {*split_folders(trees[0].photos)}
    found = sorted(names & {*SPLITS})
    return tuple(found) if "train" in found and len(found) > 1 else ()


def _photos_by_key(folder, problems):
    """Maps keys to paths."""
    photos = {}
    for path in list_photos(folder, problems):
        key = photo_key(path, folder)
        if key in photos:
            reason = f"{photos[key].name} has the same stem"
            problems.append(Problem(str(path), reason, "photo repeated"))
        photos.setdefault(key, path)
    return photos


def _listed(part, split, problems):
    """Keys of the photos of a list."""
    lists = part.tree.list_paths()
    if split not in lists:
        raise ValueError(
            f"{part.tree.root} has no split {split!r}. Expected one of: "
            f"{', '.join([*lists, 'all'])}."
        )
    folder_name = part.tree.photos.name
    return read_voc_list(lists[split], part.photos, folder_name, problems)


def _tell_left_over(tree, left_over, problems):
    if tree.annotations is None and tree.photos != tree.root:
        return  # xml files anywhere in a tree may be anything
    for path in left_over:
        reason = f"its photo is not in {tree.photos.name}"
        problems.append(Problem(str(path), reason, "photo missing"))


def _read_photos(part, keys, found, source, problems):
    for key in keys:
        objects, size, annotated = (), (None, None), key in found
        if annotated:
            objects, *size, annotated = read_voc_annotation(found[key], problems)
        content = PhotoFile(part.photos[key])
        label = main_class(objects)
        image_id = part.image_ids[key]
        yield Photo(image_id, source, content, objects, label, *size, annotated)


def _annotations_missing(tree, without, num_photos, left_over):
    named = ", ".join(without[:_NUM_NAMED]) + ", ..." * (len(without) > _NUM_NAMED)
    reason = f"no annotation for {len(without)} of {num_photos} photos ({named})"
    if left_over:
        reason += (
            f"; {len(left_over)} xml files have no photo, {left_over[0].name} first"
        )
    if tree.annotations is None:
        reason += ": there is no folder Annotations. " + _holdings(tree.root)
    return Problem(str(tree.root), reason, "annotation missing")


def _holdings(folder):
    """What a folder holds, in words."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        return f"It cannot be read: {error.strerror}"
    shown = ", ".join(names[: 2 * _NUM_NAMED]) + ", ..." * (len(names) > 2 * _NUM_NAMED)
    return f"It holds {shown or 'nothing'}"
