"""Reader of COCO json files."""

import collections
import json
import math
import os
import pathlib

from pipelines.photos.box_checks import (
    BadBox,
    possible_box,
    shares_problem,
    usable_object,
)
from pipelines.photos.names import class_name, image_ids
from pipelines.photos.photo import (
    Object,
    OriginalIds,
    Photo,
    Photos,
    Problem,
    main_class,
)
from pipelines.readers.coco_boxes import box_of, rotation_of
from pipelines.readers.photo_finder import PhotoFinder
from pipelines.readers.rotated_boxes import BOX_ROTATED, box_around_rotated
from pipelines.readers.split_names import has_split_word, is_split_name
from pipelines.readers.written_names import spellings
from pipelines.readers.written_values import flag_of, id_of, number_of, side_of

KIND = "a COCO .json file"


def recognizes(source):
    """Whether the source is the path of a json file."""
    path = pathlib.Path(source)
    return path.suffix.lower() == ".json" and path.is_file()


def splits(source):
    """`all` of a json, or none where file or folder is named after a split."""
    path = pathlib.Path(source).resolve()
    is_part = has_split_word(path.stem) or is_split_name(path.parent.name)
    return () if is_part else ("all",)


def read(source, split=None, progress=None) -> Photos:
    """Reads a COCO json file with its photos in folders or zip files beside it.

    A photo's label is the class of its largest object that is no crowd. Numbers, ids
    and flags are read by their value, also from texts. Boxes are not compared with the
    stated sizes. Bad entries are listed in `Photos.problems` and left out; a photo
    whose annotations are all bad stays, but counts as not annotated. Entries of one
    file are one photo with the boxes of all. The source is named by the json's folder
    and stem; it has no splits but `all`.

    Raises:
        ValueError: If the file is not COCO json, not one of its photos is there, or a
            split is named.

    Reference:
        - [Lin et al., 2014](https://arxiv.org/abs/1405.0312)
    """
    if split not in (None, "all"):
        raise ValueError(
            f"{source} is one split and has no others, so {split!r} cannot be chosen. "
            "Leave the split out."
        )
    path = pathlib.Path(source)
    content = _load_json(path)
    problems = _Problems(path)
    names = _category_names(content.get("categories"), problems)
    entries, ambiguous = _photo_entries(content["images"], problems)
    annotations = content.get("annotations")
    objects, used_ids = _objects(annotations, entries, names, problems)
    objects.update((photo_id, []) for photo_id in ambiguous)
    category_ids = _category_ids(content.get("categories"), names, used_ids)
    finder = PhotoFinder(path, problems)
    found = finder.find_all([_written_names(entry) for entry in entries.values()])
    kept = _found_once(entries, found, objects, problems)
    name = f"{path.resolve().parent.name}/{path.stem}"
    ids = image_ids(_paths_below(path.parent, kept.values()))
    photos = []
    for (photo_id, content), image_id in zip(kept.items(), ids, strict=True):
        entry, own_objects = entries[photo_id], tuple(objects.get(photo_id, ()))
        photos.append(
            Photo(
                image_id,
                name,
                content,
                own_objects,
                main_class(own_objects),
                side_of(entry.get("width")),
                side_of(entry.get("height")),
                # Where every annotation was dropped, objects are there all the same.
                bool(own_objects) or photo_id not in objects,
                OriginalIds(str(path), entry["id"], category_ids),
            )
        )
    if not photos:
        first = f" First problem: {problems[0].reason}." if problems else ""
        raise ValueError(
            f"None of the {len(content['images'])} photos that {path} names was found "
            f"in folders or .zip files beside it.{first}"
        )
    return Photos(photos, name, problems)


def _paths_below(folder, contents):
    """Paths of photos, as seen from a folder."""
    for content in contents:
        yield pathlib.Path(os.path.relpath(content.path_name, folder)).as_posix()


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
    """Yields number and entry where an entry of a list is a json object."""
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


def _category_names(categories, problems):
    """Maps ids of categories to names of classes; ids of several names are left out."""
    names, ambiguous = {}, set()
    for number, entry in _dicts(categories, "categories", problems):
        category_id, name = id_of(entry.get("id")), entry.get("name")
        name = str(name) if isinstance(name, int) else name  # a digit, say
        if category_id is None or not isinstance(name, str) or not name.strip():
            problems.add(f"categories[{number}] lacks an id or a name")
        else:
            name = class_name(name)
            if names.setdefault(category_id, name) != name:
                ambiguous.add(category_id)
                problems.add(f"categories[{number}] repeats the id {category_id!r}")
    return {key: name for key, name in names.items() if key not in ambiguous}


def _category_ids(categories, names, used_ids):
    """Maps names of classes to ids as they are written.

    Of several categories of one name, the one with most boxes counts: Roboflow gives
    the set's own name, without any box, the id 0.
    """
    written = {
        id_of(entry.get("id")): entry.get("id")
        for entry in categories or ()
        if isinstance(entry, dict)
    }
    order = sorted(names, key=lambda category_id: used_ids[category_id])
    return {names[category_id]: written[category_id] for category_id in order}


def _photo_entries(images, problems):
    """Maps ids of photos to their entries; the ids of which several photos have one.

    Files that were joined without numbering their photos anew have such ids: whose
    boxes are whose is not known.
    """
    entries, ambiguous = {}, set()
    for number, entry in _dicts(images, "images", problems):
        photo_id = id_of(entry.get("id"))
        if photo_id is None or not _written_names(entry):
            problems.add(f"images[{number}] lacks an id or a file_name")
        elif photo_id in entries:
            reason = f"images[{number}] repeats the id {photo_id!r}"
            if _first_spelling(entry) != _first_spelling(entries[photo_id]):
                ambiguous.add(photo_id)
                reason += ", hence it is not known which boxes are whose"
            problems.add(reason)
        else:
            entries[photo_id] = entry
    return entries, ambiguous


def _found_once(entries, found, objects, problems):
    """Maps ids to the contents of the photos that were found, each file once.

    An entry that names the file of one before it gives its objects to that one: each
    alone would teach that the other's objects are not there.
    """
    kept, firsts = {}, {}
    for photo_id, content in zip(entries, found, strict=True):
        if isinstance(content, LookupError):
            reason = f"photo {photo_id!r}: {content.args[0]}"
            problems.add(reason, "photo missing")
            continue
        first = firsts.setdefault(content.path_name, photo_id)
        if first == photo_id:
            kept[photo_id] = content
            continue
        reason = (
            f"photo {photo_id!r} is the file of photo {first!r}, which has its boxes"
        )
        problems.add(reason, "photo repeated")
        if photo_id in objects:
            objects[first] = objects.get(first, []) + objects[photo_id]
    return kept


def _written_names(entry):
    """What an entry calls its photo, the most telling first."""
    names = (entry.get(key) for key in ("file_name", "path", "coco_url"))
    return [name for name in names if isinstance(name, str)]


def _first_spelling(entry):
    """The same for `a.jpg` and `./a.jpg`, whatever urls stand beside them."""
    return spellings(_written_names(entry)[0])[:1]


def _objects(annotations, entries, names, problems):
    """Maps ids of annotated photos to lists of `Object`; counts used categories.

    A photo whose annotations are all dropped has an empty list. Without any list of
    annotations, as in a test set's json, that goes for every photo.
    """
    objects, used_ids = {}, collections.Counter()
    if not isinstance(annotations, list):
        objects = {photo_id: [] for photo_id in entries}
    for number, entry in _dicts(annotations, "annotations", problems):
        photo_id = id_of(entry.get("image_id"))
        if photo_id is None or photo_id not in entries:
            problems.add(
                f"annotations[{number}] is of unknown photo {entry.get('image_id')!r}",
                "photo missing",
            )
            continue
        written = _written_names(entries[photo_id])[0]
        where = f"annotations[{number}] of {written!r}"
        arguments = problems, problems.path_name, where, _read_object, entry, names
        item = usable_object(*arguments, remark_kind=BOX_ROTATED)
        items = objects.setdefault(photo_id, [])
        if item is not None:
            items.append(item)
            used_ids[id_of(entry["category_id"])] += 1
    boxes = [item.box for items in objects.values() for item in items]
    in_shares = shares_problem(problems.path_name, boxes)
    if in_shares:
        problems.append(in_shares)
        objects = {photo_id: [] for photo_id in objects}
        used_ids.clear()
    return objects, used_ids


def _read_object(entry, names):
    category_id = id_of(entry.get("category_id"))
    if category_id is None or category_id not in names:
        category = entry.get("category_id")
        raise BadBox(f"its category {category!r} is unknown", "unknown class")
    is_crowd = flag_of(entry.get("iscrowd"))
    if is_crowd is None:
        flag = entry["iscrowd"]
        raise BadBox(f"its iscrowd is {flag!r}, neither 0 nor 1", "not a number")
    box = possible_box(box_of(entry))
    box, remark = box_around_rotated(box, rotation_of(entry))
    area = number_of(entry.get("area"))
    if area is not None and not (math.isfinite(area) and area > 0):
        area = None
    # Learning, and VOC's AP, leave crowds out as they do VOC's difficult objects.
    item = Object(
        names[category_id], box, difficult=is_crowd, crowd=is_crowd, mask_area=area
    )
    return item, remark
