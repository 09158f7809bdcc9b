"""Pictures of a data report: photos with their boxes, and why they are shown."""

import collections
import dataclasses
import pathlib

import numpy as np

from ssl_voc.visualization.box_outlines import BoxOutline, BoxStyle
from ssl_voc.visualization.contact_sheet import photo_tile
from ssl_voc.visualization.style import COLORS

_SIDE = 260
_BOX = BoxStyle("box", COLORS[0])
_OTHER = BoxStyle("other boxes", COLORS[9], "dotted")


def photo_with_boxes(photo, caption=None, marked=None):
    """A photo with its boxes as a tile.

    Args:
        photo: `pipelines.Photo`.
        caption: By default its id.
        marked: The object to mark among the others, if one is.
    """
    outlines = [
        BoxOutline(
            np.array(item.box),
            _BOX if marked in (None, item) else _OTHER,
            item.name if marked in (None, item) else "",
        )
        for item in photo.objects
    ]
    if not (photo.width and photo.height):
        outlines = ()  # no picture of a photo that cannot be read
        photo = dataclasses.replace(photo, width=_SIDE, height=_SIDE)
    return photo_tile(photo, _SIDE, caption or photo.image_id, outlines)


def boxes_by_side(photos):
    """`(shorter side in pixels, photo, object)` of all boxes, ascending."""
    found = [
        (item.shorter_side, number, place)
        for number, photo in enumerate(photos)
        for place, item in enumerate(photo.objects)
    ]
    return [
        (side, photos[number], photos[number].objects[place])
        for side, number, place in sorted(found)
    ]


def box_tiles(boxes):
    """Tiles of entries of `boxes_by_side`, each box marked in its photo."""
    for _, photo, item in boxes:
        x_min, y_min, x_max, y_max = item.box
        caption = f"{item.name}, {x_max - x_min:.0f} x {y_max - y_min:.0f} px"
        if photo.width and photo.height:
            caption += f" of {photo.width} x {photo.height}"
        yield photo_with_boxes(photo, f"{caption}\n{photo.image_id}", item)


def troubled(data_set, number):
    """Rows of the photos that annotations are wrong about, one of each kind in turn.

    Args:
        data_set: The `DataSet`.
        number: Most rows.

    Returns:
        List of lists of one `Tile` each, whose caption names the problem.
    """
    photos = data_set.pool.photos
    stems = collections.Counter(_stem(photo.path_name) for photo in photos)
    by_name = {
        _stem(photo.path_name): photo
        for photo in photos
        if stems[_stem(photo.path_name)] == 1
    }
    by_name |= {photo.path_name: photo for photo in photos}
    rows, turns, seen = [], collections.Counter(), set()
    problems = sorted(data_set.pool.problems, key=lambda item: item.kind)
    for problem in problems:
        name = problem.path_name
        photo = by_name.get(name) or by_name.get(_stem(name))
        if photo is None or (photo.path_name, problem.kind) in seen:
            continue
        seen.add((photo.path_name, problem.kind))
        turn = turns[problem.kind]
        turns[problem.kind] += 1
        rows.append((turn, photo, f"{problem.kind}\n{problem.reason}"))
    rows.sort(key=lambda row: row[0])
    return [[photo_with_boxes(*row[1:])] for row in rows[:number]]


def _stem(name):
    return pathlib.PurePath(name).stem


def pairs(photos, found):
    """Rows of two photos each that are all but the same.

    Args:
        photos: `pipelines.Photos`.
        found: `NearDuplicate`s among them.
    """
    return [
        [
            photo_with_boxes(photos[pair.index]),
            photo_with_boxes(photos[pair.other_index]),
        ]
        for pair in found
    ]


def leaked_pairs(pool, other, leaked_photos):
    """Rows of photos of a later set, each beside the one of an earlier set."""
    by_name = {photo.path_name: photo for photo in pool.photos}
    return [
        [
            photo_with_boxes(other.photos[leaked.index]),
            photo_with_boxes(by_name[leaked.seen_as]),
        ]
        for leaked in leaked_photos
    ]
