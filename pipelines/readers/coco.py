"""Reader of COCO json files."""

import json
import pathlib

from pipelines.photos.box_checks import BadBox, checked_box, usable_object
from pipelines.photos.photo import Object, Photo, Photos, Problem, main_class
from pipelines.readers.photo_finder import PhotoFinder

KIND = "a COCO .json file"


def recognizes(source):
    """Whether the source is the path of a json file."""
    path = pathlib.Path(source)
    return path.suffix.lower() == ".json" and path.is_file()


def splits(source):
    """None: a json file is one split."""
    return ()


def read(source, split=None, progress=None) -> Photos:
    """Reads a COCO json file with its photos in folders or zip files beside it.

    A photo's label is the class of its largest object that is no crowd. Bad entries
    are listed in `Photos.problems` and left out; a photo whose annotations are all bad
    stays. The source is named by the json's folder and stem; it is one split.

    Raises:
        ValueError: If the file is not COCO json, not one of its photos is there, or a
            split is named.

    Reference:
        - [Lin et al., 2014](https://arxiv.org/abs/1405.0312)
    """
    if split is not None:
        raise ValueError(
            f"{source} is one split and has no others, so {split!r} cannot be chosen. "
            "Leave the split out."
        )
    path = pathlib.Path(source)
    content = _load_json(path)
    problems = _Problems(path)
    names = _category_names(content.get("categories"), problems)
    entries = _photo_entries(content["images"], problems)
    objects = _objects(content.get("annotations"), entries, names, problems)
    finder = PhotoFinder(path, problems)
    name = f"{path.resolve().parent.name}/{path.stem}"
    photos = []
    for photo_id, entry in entries.items():
        try:
            photo_content = finder.find(entry["file_name"])
        except LookupError as error:
            problems.add(f"photo {photo_id!r}: {error.args[0]}", "photo missing")
            continue
        own_objects = tuple(objects.get(photo_id, ()))
        image_id = pathlib.PurePosixPath(photo_content.path_name).stem
        size = _size(entry.get("width")), _size(entry.get("height"))
        label = main_class(own_objects)
        photos.append(Photo(image_id, name, photo_content, own_objects, label, *size))
    if not photos:
        first = f" First problem: {problems[0].reason}." if problems else ""
        raise ValueError(
            f"None of the {len(content['images'])} photos that {path} names was found "
            f"in folders or .zip files beside it.{first}"
        )
    return Photos(photos, name, problems)


class _Problems(list):
    """Problems of one json file."""

    def __init__(self, path):
        super().__init__()
        self.path_name = str(path)

    def add(self, reason, kind="entry unusable"):
        self.append(Problem(self.path_name, reason, kind))


def _load_json(path):
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid json: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise ValueError(
            f"{path} is not a COCO json: expected an object with a list `images` (and "
            "`annotations` and `categories`)."
        )
    return content


def _dicts(entries, what, problems):
    """The entries of a list that are json objects with a usable `id` or none."""
    if entries is None:
        return
    if not isinstance(entries, list):
        problems.add(f"`{what}` is {type(entries).__name__}, not a list")
        return
    for number, entry in enumerate(entries):
        if isinstance(entry, dict):
            yield number, entry
        else:
            problems.add(f"{what}[{number}] is {type(entry).__name__}, not an object")


def _is_id(value):
    return isinstance(value, int | str)


def _category_names(categories, problems):
    names = {}
    for number, entry in _dicts(categories, "categories", problems):
        name = entry.get("name")
        if not _is_id(entry.get("id")) or not isinstance(name, str) or not name.strip():
            problems.add(f"categories[{number}] lacks an id or a name")
        else:
            names[entry["id"]] = name.strip()
    return names


def _photo_entries(images, problems):
    entries = {}
    for number, entry in _dicts(images, "images", problems):
        photo_id, file_name = entry.get("id"), entry.get("file_name")
        if not _is_id(photo_id) or not isinstance(file_name, str):
            problems.add(f"images[{number}] lacks an id or a file_name")
        elif photo_id in entries:
            problems.add(f"images[{number}] repeats the id {photo_id!r}")
        else:
            entries[photo_id] = entry
    return entries


def _objects(annotations, entries, names, problems):
    """Maps photo ids to lists of `Object`."""
    objects = {}
    for number, entry in _dicts(annotations, "annotations", problems):
        photo_id = entry.get("image_id")
        if not _is_id(photo_id) or photo_id not in entries:
            problems.add(
                f"annotations[{number}] is of unknown photo {photo_id!r}",
                "photo missing",
            )
            continue
        where = f"annotations[{number}] of {entries[photo_id]['file_name']!r}"
        arguments = _read_object, entry, entries[photo_id], names
        item = usable_object(problems, problems.path_name, where, *arguments)
        if item is not None:
            objects.setdefault(photo_id, []).append(item)
    return objects


def _read_object(entry, photo_entry, names):
    category_id = entry.get("category_id")
    if not _is_id(category_id) or category_id not in names:
        raise BadBox(f"its category {category_id!r} is unknown", "unknown class")
    box = entry.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        raise BadBox(f"its bbox is {box!r}, not four numbers", "not a number")
    try:
        x_min, y_min, width, height = map(float, box)
    except OverflowError:
        raise BadBox("its bbox has a number too large", "not finite") from None
    box, remark = checked_box(
        (x_min, y_min, x_min + width, y_min + height),
        _size(photo_entry.get("width")),
        _size(photo_entry.get("height")),
    )
    # Evaluation ignores crowds as it ignores VOC's difficult objects.
    item = Object(names[category_id], box, difficult=bool(entry.get("iscrowd")))
    return item, remark


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _size(value):
    return int(value) if _is_number(value) and 1 <= value < 2**31 else None
