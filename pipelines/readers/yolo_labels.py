"""Labels of YOLO data sets: a text file for each photo, a row for each object."""

import collections
import contextlib
import math
import os
import pathlib

from pipelines.images.orientation import upright_size_of
from pipelines.photos.box_checks import BadBox, checked_box, usable_object
from pipelines.photos.content import PhotoFile
from pipelines.photos.listing import is_photo_name
from pipelines.photos.names import folded
from pipelines.photos.photo import Object, Problem
from pipelines.photos.texts import decode_text

# Shares of the photo's size are rounded: more than this beyond 0 or 1 is no rounding.
TOLERANCE = 0.01


class LabelReader:
    """Reads the label files of photos.

    Args:
        paths: Paths of all photos that are read.
        spellings: `PathSpellings` that label files are looked up with.
        class_names: Maps numbers of classes to names.
        has_keypoints: Whether the numbers behind a row's box are keypoints.
        problems: List to which a `Problem` is appended for a label file that is
            missing, empty or unreadable, and for a row that cannot be used.
    """

    def __init__(self, paths, spellings, class_names, has_keypoints, problems):
        self._stems = _count_stems(paths)
        self._spellings = spellings
        self._class_names, self._has_keypoints = class_names, has_keypoints
        self._problems = problems

    def read(self, path):
        """`(width, height)` of a photo, its objects, and whether it is annotated."""
        try:
            size = upright_size_of(PhotoFile(path))
        except Exception as error:
            # Decoding will meet it again and tell why the photo is left out.
            reason = f"no label read, since the photo has no readable size: {error}"
            self._tell(path, reason, "annotation unreadable")
            return (None, None), (), False
        # Of photos whose names differ in case alone, one may have labels, one not.
        is_only = self._stems[_folded_stem(path)] == 1
        places = label_paths(path)
        find = self._spellings.find if is_only else _existing
        place = next(filter(None, map(find, places)), None)
        if place is None:
            reason = f"shows no object: there is no {places[0]}"
            self._tell(path, reason, "no label file")
            return size, (), True
        try:
            text = decode_text(PhotoFile(place).load())
        except (OSError, ValueError) as error:
            self._tell(place, str(error), "annotation unreadable")
            return size, (), False
        if not text.strip():
            self._tell(place, "shows no object", "empty label file")
            return size, (), True
        objects = tuple(self._read_rows(text, place, size))
        return size, objects, bool(objects)

    def _read_rows(self, text, place, size):
        told = collections.Counter()
        for number, line in enumerate(text.splitlines(), start=1):
            words = line.split()
            if not words:
                continue
            parse = _read_row, words, size, self._class_names, self._has_keypoints, told
            where = str(place), f"line {number}"
            item = usable_object(self._problems, *where, *parse)
            if item is not None:
                yield item
        for kind in filter(None, told):
            self._tell(place, f"{told[kind]} rows: {kind}", kind)

    def _tell(self, path, reason, kind):
        self._problems.append(Problem(str(path), reason, kind))


def _count_stems(paths):
    """Counts photos by folded stem, those of other splits in their folders, too."""
    photos = dict.fromkeys(paths)
    for folder in {path.parent for path in paths}:
        with contextlib.suppress(OSError):  # what cannot be looked into
            names = filter(is_photo_name, os.listdir(folder))
            photos.update((folder / name, None) for name in names)
    return collections.Counter(map(_folded_stem, photos))


def _folded_stem(path):
    return folded(path.with_suffix("").as_posix())


def _existing(path):
    return path if path.is_file() else None


def label_paths(path):
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
