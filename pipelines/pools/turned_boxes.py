"""Boxes that were drawn on the stored photo, before EXIF turned it upright."""

import collections
import dataclasses

from pipelines.images.orientation import (
    QUARTER_TURNS,
    quarter_turned_box,
    read_orientation,
    upright_size_of,
)
from pipelines.photos.box_checks import SILENT_PIXELS
from pipelines.photos.content import UnreadableImage, opened
from pipelines.photos.photo import Problem

BOXES_TURNED = "boxes turned upright"


def turn_boxes_upright(photos, sizes, problems):
    """The photos, with boxes of the stored orientation turned as the photo is.

    An annotation is suspected if the size it states is that of the stored photo, which
    EXIF turns by a quarter. Its boxes were then drawn on the stored photo, or, by a
    tool that reads the size without EXIF, on the upright one. Where they fit into only
    one of the two photos, they are of that one. Boxes that fit into both go with those
    of their source that do not, since one tool drew them; a photo that is not turned,
    but whose size is stated swapped, speaks for boxes that stay. Of a part those of
    `Photos.whole` are asked, so that all parts of a set agree; without such, or with as
    many of either kind, boxes are what the stated size says: of the stored photo.
    Turns by a half and mirrored photos cannot be told by their size: their boxes stay.

    Args:
        photos: `Photos`.
        sizes: True `(height, width)` of each photo, upright.
        problems: List to which a `Problem` is appended for each photo whose boxes are
            turned.

    Returns:
        List of `Photo`.
    """
    upright = list(photos)
    suspects, votes = _find_suspects(photos, sizes)
    own_votes = {index: _vote(photos[index], *sizes[index]) for index in suspects}
    unsure = {photos[index].source for index, vote in own_votes.items() if not vote}
    if unsure and len(photos.whole) > len(photos):
        # Nothing is swapped where sides are equal, or not stated.
        whole = [
            photo
            for photo in photos.whole
            if photo.objects and photo.width != photo.height and photo.source in unsure
        ]
        found = _find_suspects(whole, map(size_of_photo, whole))[1]
        for source in unsure:
            votes[source] = found[source]
    for index, orientation in suspects.items():
        photo, (height, width) = upright[index], sizes[index]
        if (own_votes[index] or votes[photo.source]) < 0:
            continue
        reason = (
            f"its boxes were drawn on the stored photo of {photo.width} x "
            f"{photo.height}: turned with it, to {width} x {height}"
        )
        problems.append(Problem(photo.path_name, reason, BOXES_TURNED))
        objects = tuple(
            dataclasses.replace(
                item, box=quarter_turned_box(item.box, orientation, width, height)
            )
            for item in photo.objects
        )
        upright[index] = dataclasses.replace(
            photo, objects=objects, width=width, height=height
        )
    return upright


def _find_suspects(photos, sizes):
    """Maps indices of suspected photos to orientations, and sources to votes.

    A vote above 0 is for boxes on the stored photo, one below for the upright one.
    """
    suspects, votes = {}, collections.Counter()
    for index, (photo, size) in enumerate(zip(photos, sizes, strict=True)):
        if photo.objects and (photo.width, photo.height) == size != size[::-1]:
            orientation = _orientation(photo)
            if orientation in QUARTER_TURNS:
                suspects[index] = orientation
                votes[photo.source] += _vote(photo, *size)
            else:
                votes[photo.source] -= 1  # of a tool that swaps width and height
    return suspects, votes


def size_of_photo(photo):
    """Upright `(height, width)` of what is not decoded; None if nothing tells it."""
    try:
        return upright_size_of(photo.content)[::-1]
    except (OSError, UnreadableImage):
        return None


def _orientation(photo):
    try:
        with opened(photo.content) as source:
            return read_orientation(source)
    except (OSError, UnreadableImage):
        return 1


def _vote(photo, height, width):
    """1 if the boxes fit the stored photo alone, -1 the upright one alone, else 0."""
    fits_stored = _fits(photo.objects, height, width)
    return fits_stored - _fits(photo.objects, width, height)


def _fits(objects, width, height):
    return all(
        item.box[2] <= width + SILENT_PIXELS and item.box[3] <= height + SILENT_PIXELS
        for item in objects
    )
