"""Reader of YOLO data sets: a `data.yaml`, photos, and a label file for each."""

import os
import pathlib
import re

from pipelines.photos.content import PhotoFile
from pipelines.photos.names import class_name, image_ids
from pipelines.photos.photo import Photo, Photos, Problem, main_class
from pipelines.readers.split_names import SPLITS, choose_splits
from pipelines.readers.yolo_labels import LabelReader
from pipelines.readers.yolo_places import Places

KIND = "a YOLO data.yaml"
_NONE = ("", "~", "null")


def recognizes(source):
    """Whether it is a YAML file, or a folder whose `data.yaml` has classes and splits.

    Other tools write a `data.yaml` too: beside photos, any other one is no concern.
    """
    path = _yaml_path(source)
    if path.suffix.lower() not in (".yaml", ".yml") or not path.is_file():
        return False
    if not os.path.isdir(source):
        return True
    try:
        content = _load_yaml(path)
    except (OSError, ValueError):
        return False
    return not any({*keys}.isdisjoint(content) for keys in (("names", "nc"), SPLITS))


def splits(source):
    """Names of the splits that the file names; of several those that are there."""
    yaml_path = _yaml_path(source)
    content = _load_yaml(yaml_path)
    return _splits_that_are_there(content, Places(content, yaml_path))


def read(source, split=None, progress=None) -> Photos:
    """Reads the photos that a `data.yaml` names, with the boxes of their label files.

    The labels of `images/a/1.jpg` are in `labels/a/1.txt`, or beside the photo; a row
    is `class x_center y_center width height`, in shares of the upright photo's size.
    Polygons become their boxes. A photo without a label file, or with an empty one,
    shows no object; both are counted in `Photos.problems`, as is a row that cannot be
    used. A photo whose label file cannot be read, or has no usable row, is not
    `annotated`.

    Args:
        source: Path of the YAML file, or of the folder with a `data.yaml`. The source
            is named by the folder. `train`, `val` and `test` are folders, lists of
            photos in `.txt` files, or lists of these, in `path` or beside the file.
        split: Name of a split, see `choose_splits`. Without it, `train` is taken if
            there is one, else all. Of all, one that is not there is left out, and told
            as a problem where the first of the others is read.
        progress: Optional callable `(done, total)`.

    Raises:
        ValueError: If the file is no YOLO data set, has no such split, or the split
            has no photos.

    Reference:
        - https://docs.ultralytics.com/datasets/detect
    """
    yaml_path = _yaml_path(source)
    content = _load_yaml(yaml_path)
    names = _class_names(content, yaml_path)
    places = Places(content, yaml_path)
    named, there = _named_splits(content), _splits_that_are_there(content, places)
    reads_all = split == "all" or (split is None and "train" not in named)
    chosen = choose_splits(yaml_path, there if reads_all else named, split)
    problems, paths = [], {}
    if chosen[0] == there[0]:
        for name in (name for name in named if name not in there):
            reason = f"{name} is {content[name]!r}, which is not there: left out"
            problems.append(Problem(str(yaml_path), reason, "split missing"))
    for name in chosen:
        paths.update(dict.fromkeys(places.find_photos(name, problems)))
    if not paths:
        raise ValueError(
            f"{yaml_path} gives no photo for {' and '.join(chosen)}."
            + (f" First problem: {problems[0]}" if problems else "")
        )
    source_name = yaml_path.resolve().parent.name
    photos, root = [], yaml_path.parent
    ids = image_ids(
        pathlib.Path(os.path.relpath(path, root)).as_posix() for path in paths
    )
    has_keypoints = "kpt_shape" in content
    labels = LabelReader(paths, places.spellings, names, has_keypoints, problems)
    for path, image_id in zip(paths, ids, strict=True):
        size, objects, annotated = labels.read(path)
        facts = objects, main_class(objects), *size, annotated
        photos.append(Photo(image_id, source_name, PhotoFile(path), *facts))
        if progress is not None:
            progress(len(photos), len(paths))
    return Photos(photos, source_name, problems)


def _named_splits(content):
    return tuple(name for name in SPLITS if content.get(name))


def _splits_that_are_there(content, places):
    """The named splits of which something is there; all if nothing is of any."""
    named = _named_splits(content)
    return tuple(filter(places.has, named)) or named


def _yaml_path(source):
    path = pathlib.Path(source)
    return path / "data.yaml" if os.path.isdir(path) else path


def _load_yaml(path):
    import yaml

    class Loader(yaml.SafeLoader):
        # All scalars as texts: names such as `no`, `007` and `1:30` stay what they are.
        yaml_implicit_resolvers = {
            "<": [("tag:yaml.org,2002:merge", re.compile("<<$"))]
        }

    try:
        content = yaml.load(PhotoFile(path).load(), Loader)
    except (yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path} is not valid YAML: {reason}") from error
    if not isinstance(content, dict):
        return {}
    return {
        key: None if isinstance(value, str) and value.lower() in _NONE else value
        for key, value in content.items()
    }


def _class_names(content, path):
    """Maps class numbers to names; `names` is a list, or such a dict."""
    names, num_classes = content.get("names"), content.get("nc")
    try:
        num_classes = num_classes and int(num_classes)
    except (ValueError, TypeError):
        raise ValueError(f"{path}: nc is {num_classes!r}, not a number.") from None
    try:
        if names is None and num_classes:
            names = [f"class_{number}" for number in range(num_classes)]
        if isinstance(names, list):
            names = dict(enumerate(names))
        names = {int(number): class_name(name) for number, name in names.items()}
    except (AttributeError, ValueError, TypeError):
        names = {}
    if not names or not all(names.values()):
        raise ValueError(
            f"{path} is no YOLO data set: `names` must be a list of class names, or "
            f"map numbers to them. Received: {str(content.get('names'))[:80]}"
        )
    if num_classes not in (None, len(names)):
        raise ValueError(f"{path}: nc is {num_classes}, but names has {len(names)}.")
    return names
