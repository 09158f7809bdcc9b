"""Reader of YOLO data sets: a `data.yaml`, photos, and a label file for each."""

import collections
import contextlib
import math
import os
import pathlib
import re

from pipelines.images.opening import open_image
from pipelines.images.orientation import QUARTER_TURNS, orientation_of
from pipelines.photos.box_checks import BadBox, checked_box, usable_object
from pipelines.photos.content import PhotoFile
from pipelines.photos.listing import is_photo_name, list_photos
from pipelines.photos.names import class_name, folded, image_ids
from pipelines.photos.photo import Object, Photo, Photos, Problem, main_class
from pipelines.photos.texts import decode_text
from pipelines.readers.moved_paths import MovedPaths
from pipelines.readers.path_spellings import PathSpellings
from pipelines.readers.split_names import SPLITS, choose_splits

KIND = "a YOLO data.yaml"
_NONE = ("", "~", "null")
# Shares of the photo's size are rounded: more than this beyond 0 or 1 is no rounding.
TOLERANCE = 0.01


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
    """Names of the splits that the file names."""
    content = _load_yaml(_yaml_path(source))
    return tuple(name for name in SPLITS if content.get(name))


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
            there is one, else all.
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
    chosen = choose_splits(yaml_path, splits(yaml_path), split)
    problems, paths, places = [], {}, _Places(content, yaml_path)
    for name in chosen:
        for path in _list_split(content, name, yaml_path, places, problems):
            paths[path] = None
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
    stems = _count_stems(paths)
    for path, image_id in zip(paths, ids, strict=True):
        # Of photos whose names differ in case alone, one may have labels, one not.
        find = places.spellings.find if stems[_folded_stem(path)] == 1 else _existing
        found = _read_labels(path, find, names, "kpt_shape" in content, problems)
        size, objects, annotated = found
        facts = objects, main_class(objects), *size, annotated
        photos.append(Photo(image_id, source_name, PhotoFile(path), *facts))
        if progress is not None:
            progress(len(photos), len(paths))
    return Photos(photos, source_name, problems)


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


class _Places:
    """Finds the folders, lists and photos that the entries of a file name."""

    def __init__(self, content, yaml_path):
        root = yaml_path.parent
        self.roots = [root / str(content.get("path") or ""), root]
        self.spellings = PathSpellings()
        entries = [entry for name in SPLITS for entry in _entries(content, name)]
        # Entries of the other splits say, too, from where this one was brought.
        for place in map(self._find_here, tuple(entries)):
            if place is not None and os.path.isfile(place):
                with contextlib.suppress(OSError, ValueError):  # told if it is read
                    entries += _lines(place)
        self._moved = MovedPaths(entries, self.roots, self.spellings)

    def find(self, entry, *more_roots):
        """The first path that exists, or None."""
        return self._find_here(entry, *more_roots) or self._moved.find(entry)

    def _find_here(self, entry, *more_roots):
        # Roboflow writes `../train/images` where `train` is beside the file.
        forms = dict.fromkeys((entry, entry.removeprefix("../")))
        roots = (*more_roots, *self.roots)
        paths = dict.fromkeys(root / form for form in forms for root in roots)
        return next(filter(None, map(self.spellings.find, paths)), None)


def _entries(content, name):
    """Entries of a split, written with `/`."""
    entries = content.get(name) or []
    entries = entries if isinstance(entries, list) else [entries]
    return [_with_slashes(str(entry)) for entry in entries]


def _lines(place):
    """Entries of a list of photos, written with `/`."""
    text = decode_text(PhotoFile(place).load())
    return filter(None, map(_with_slashes, text.splitlines()))


def _with_slashes(entry):
    return entry.strip().strip(" \"'").replace("\\", "/")


def _list_split(content, name, yaml_path, places, problems):
    """Paths of the photos of a split, in the order of its folders and lists."""
    for entry in _entries(content, name):
        place = places.find(entry)
        if place is None:
            raise ValueError(
                f"{yaml_path}: {name} is {entry!r}, which is not in "
                f"{' nor in '.join(dict.fromkeys(map(str, places.roots)))}."
            )
        if os.path.isdir(place):
            yield from list_photos(place, problems)
            continue
        for line in _lines(place):
            path = places.find(line, place.parent)
            if path is None:
                reason = f"names {line!r}, which is not there"
                problems.append(Problem(str(place), reason, "photo missing"))
            else:
                yield path


def _count_stems(paths):
    """Counts photos by folded stem, those of other splits in their folders, too."""
    photos = dict(paths)
    for folder in {path.parent for path in paths}:
        with contextlib.suppress(OSError):  # what cannot be looked into
            names = filter(is_photo_name, os.listdir(folder))
            photos.update((folder / name, None) for name in names)
    return collections.Counter(map(_folded_stem, photos))


def _folded_stem(path):
    return folded(path.with_suffix("").as_posix())


def _existing(path):
    return path if path.is_file() else None


def _read_labels(path, find, names, has_keypoints, problems):
    """`(width, height)` of a photo, its objects, and whether it is annotated."""
    try:
        size = _upright_size(path)
    except Exception as error:
        # Decoding will meet it again and tell why the photo is left out.
        reason = f"no label read, since the photo has no readable size: {error}"
        problems.append(Problem(str(path), reason, "annotation unreadable"))
        return (None, None), (), False
    places = _label_paths(path)
    place = next(filter(None, map(find, places)), None)
    if place is None:
        reason = f"shows no object: there is no {places[0]}"
        problems.append(Problem(str(path), reason, "no label file"))
        return size, (), True
    try:
        text = decode_text(PhotoFile(place).load())
    except (OSError, ValueError) as error:
        problems.append(Problem(str(place), str(error), "annotation unreadable"))
        return size, (), False
    if not text.strip():
        problems.append(Problem(str(place), "shows no object", "empty label file"))
        return size, (), True
    rows = _read_rows(text, place, size, names, has_keypoints, problems)
    objects = tuple(rows)
    return size, objects, bool(objects)


def _upright_size(path):
    if not path.is_file():
        raise ValueError("not a regular file")  # a pipe would block
    with open(path, "rb") as file:
        image = open_image(file)
        turned = orientation_of(image) in QUARTER_TURNS
        return image.size[::-1] if turned else image.size


def _label_paths(path):
    """Where the labels of a photo may be: in `labels/` for `images/`, or beside it."""
    beside = path.with_suffix(".txt")
    places = []
    for form in (str, str.lower):  # some write `Images`
        folders = [form(folder) for folder in path.parts[-2::-1]]
        if "images" in folders:
            parts = list(beside.parts)
            parts[len(parts) - 2 - folders.index("images")] = "labels"
            places.append(pathlib.Path(*parts))
    return [*dict.fromkeys(places), beside]


def _read_rows(text, place, size, names, has_keypoints, problems):
    told = collections.Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        parse = _read_row, words, size, names, has_keypoints, told
        item = usable_object(problems, str(place), f"line {number}", *parse)
        if item is not None:
            yield item
    for kind in filter(None, told):
        problems.append(Problem(str(place), f"{told[kind]} rows: {kind}", kind))


def _read_row(words, size, names, has_keypoints, told):
    shares, kind = _box_shares(words, has_keypoints)
    box = [round(s * n, 2) for s, n in zip(shares, size * 2, strict=True)]
    name = _class_name(words[0], names)
    box, remark = checked_box(tuple(box), *size)
    told[kind] += 1
    return Object(name, box), remark


def _box_shares(words, has_keypoints):
    """`(x_min, y_min, x_max, y_max)` in shares of the size, and what is to be told."""
    try:
        numbers = [float(word) for word in words[1:]]
    except ValueError:
        raise BadBox(f"{' '.join(words)[:80]!r} has a word", "not a number") from None
    is_polygon = len(numbers) >= 6 and len(numbers) % 2 == 0 and not has_keypoints
    if has_keypoints:
        numbers = numbers[:4]
    if len(numbers) not in (4, 5) and not is_polygon:
        raise BadBox(f"it has {len(words)} columns, not 5", "wrong number of columns")
    places = numbers if is_polygon else numbers[:4]
    if not all(map(math.isfinite, places)):
        raise BadBox("a number is NaN or infinite", "not finite")
    if not -TOLERANCE <= min(places) <= max(places) <= 1 + TOLERANCE:
        raise BadBox(
            f"{max(places, key=abs):g} is no share of the photo's size, in [0, 1]",
            "not normalized",
        )
    if is_polygon:
        x, y = numbers[::2], numbers[1::2]
        return (min(x), min(y), max(x), max(y)), "polygon read as its box"
    x, y, width, height = places
    corners = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    return corners, "confidence ignored" if len(numbers) == 5 else None


def _class_name(word, names):
    try:
        return names[float(word)]  # 3.0 finds 3
    except (KeyError, ValueError):
        raise BadBox(f"its class {word!r} is unknown", "unknown class") from None
