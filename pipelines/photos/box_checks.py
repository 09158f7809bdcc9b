"""Checks on a box as an annotation file states it."""

import math

from pipelines.photos.photo import Problem

BOX_CLIPPED = "box clipped"
# Tools that count from 0 write 0 where VOC counts from 1, and COCO's boxes are
# rounded: a box that leaves the photo by no more than this is clipped in silence.
SILENT_PIXELS = 1.0
# Of the sum of a share and another.
ROUNDING = 1e-3


class BadBox(ValueError):
    """The box is unusable.

    Args:
        message: Why, with the numbers.
        kind: Why, in few words that many boxes share.
    """

    def __init__(self, message, kind):
        super().__init__(message)
        self.kind = f"box dropped: {kind}"


def possible_box(box):
    """Refuses a box that no photo of any size could hold.

    Readers ask no more: they know the size of a photo only as its annotation states
    it, and boxes are often right where that is wrong.

    Args:
        box: Four numbers `(x_min, y_min, x_max, y_max)`.

    Returns:
        The box.

    Raises:
        BadBox: If a number is not finite, the corners are swapped, or it is empty.
    """
    x_min, y_min, x_max, y_max = box
    if not all(math.isfinite(value) for value in box):
        raise BadBox(f"box {_text(box)} is not finite", "not finite")
    if x_max < x_min or y_max < y_min:
        raise BadBox(f"box {_text(box)} has its corners swapped", "corners swapped")
    if x_max == x_min or y_max == y_min:
        raise BadBox(f"box {_text(box)} is empty", "empty")
    return box


def shares_problem(path_name, boxes) -> Problem | None:
    """Tells that boxes of one tool seem to be in shares of the size, or None.

    As pixels they would all be in the photo's first one, and clipped to it in silence.
    Whole numbers alone may mean that pixel.

    Args:
        path_name: The annotation file.
        boxes: Its boxes as `possible_box` takes them.
    """
    numbers = [number for box in boxes for number in box]
    if max(numbers, default=2) > 1 + ROUNDING or all(n == int(n) for n in numbers):
        return None
    reason = (
        f"{len(boxes)} boxes left out: in shares of the photo's size, not in pixels"
    )
    return Problem(path_name, reason, "box dropped: not in pixels")


def checked_box(box, width=None, height=None):
    """Clips a box to its photo, or refuses it.

    Args:
        box: Four finite or not so finite numbers `(x_min, y_min, x_max, y_max)`,
            0-based and half-open.
        width: Width of the photo in pixels, or None if unknown.
        height: Height of the photo in pixels, or None if unknown.

    Returns:
        `(box, remark)`: the clipped box, and None or a text that says how far it left
        the photo.

    Raises:
        BadBox: If it is no `possible_box`, or nothing of it lies in the photo.
    """
    x_min, y_min, x_max, y_max = possible_box(box)
    clipped = (
        max(x_min, 0.0),
        max(y_min, 0.0),
        min(x_max, float(width or math.inf)),
        min(y_max, float(height or math.inf)),
    )
    photo = f"the photo of {width} x {height}"
    if clipped[2] <= clipped[0] or clipped[3] <= clipped[1]:
        raise BadBox(f"box {_text(box)} lies outside {photo}", "outside the photo")
    excess = max(abs(a - b) for a, b in zip(box, clipped, strict=True))
    remark = None
    if excess > SILENT_PIXELS:
        remark = f"box {_text(box)} clipped to {photo}"
    return clipped, remark


def usable_object(
    problems, path_name, where, parse, *arguments, remark_kind=BOX_CLIPPED
):
    """The object that `parse(*arguments)` gives, or None if it cannot be used.

    `parse` returns `(object, remark)`, see `checked_box`, or raises `BadBox`. For an
    object that is left out, or has a remark, a `Problem` is appended to `problems`: it
    names the annotation file and the object's place in it, such as "line 3".
    """
    try:
        item, remark = parse(*arguments)
    except BadBox as error:
        reason = f"{where} left out: {error}"
        problems.append(Problem(path_name, reason, error.kind))
        return None
    if remark:
        problems.append(Problem(path_name, f"{where}: {remark}", remark_kind))
    return item


def _text(box):
    return "(" + ", ".join(f"{value:g}" for value in box) + ")"
