"""Boxes of COCO annotations: their `bbox`, or what surrounds their outline."""

import numpy as np

from pipelines.photos.box_checks import BadBox
from pipelines.readers.written_values import number_of, side_of


def box_of(entry) -> tuple[float, float, float, float]:
    """`(x_min, y_min, x_max, y_max)` of an annotation.

    The `bbox` is taken if it has an area, else the box around `segmentation`:
    polygons, or a mask in run lengths. Keypoints give none: the object is larger.

    Raises:
        BadBox: If nothing gives a box; the message says what was there.
    """
    box = entry.get("bbox")
    corners = None
    if isinstance(box, list | tuple) and len(box) == 4:
        corners = _corners(box)
    if corners is not None and corners[2] != corners[0] and corners[3] != corners[1]:
        return corners
    outline = entry.get("segmentation")
    if outline:
        return _around_mask(outline) if isinstance(outline, dict) else _around(outline)
    if corners is not None:
        return corners
    if not box and entry.get("keypoints"):
        raise BadBox("it has keypoints, but neither bbox nor outline", "keypoints only")
    raise BadBox(f"its bbox is {box!r}, not four numbers", "not a number")


def rotation_of(entry):
    """What CVAT writes of the angle of a `bbox`; an outline is rotated already."""
    attributes = entry.get("attributes")
    if entry.get("segmentation") or not isinstance(attributes, dict):
        return None
    return attributes.get("rotation")


def _corners(box):
    numbers = _numbers(box)
    if numbers is None:
        return None
    x_min, y_min, width, height = numbers
    return x_min, y_min, x_min + width, y_min + height


def _around(polygons):
    """The box around polygons, each a list `x, y, x, y, ...`."""
    if not isinstance(polygons, list):
        raise BadBox("its segmentation is neither polygons nor a mask", "no outline")
    if not any(isinstance(part, list) for part in polygons):
        polygons = [polygons]  # one polygon that is not in a list
    points = []
    for polygon in polygons:
        numbers = _numbers(polygon)
        if numbers is None or len(numbers) % 2 or len(numbers) < 4:
            raise BadBox("its polygon is not a list of x, y, ...", "no outline")
        points += zip(numbers[::2], numbers[1::2], strict=True)
    x, y = np.array(points).T
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def _around_mask(mask):
    """The box around a mask in run lengths, compressed or not."""
    from faster_coco_eval.core import mask as run_lengths

    size, counts = mask.get("size"), mask.get("counts")
    sides = [side_of(side) for side in size] if isinstance(size, list) else []
    if len(sides) != 2 or None in sides:
        raise BadBox(f"its mask has the size {size!r}", "no outline")
    try:
        if isinstance(counts, list):
            # Pixels beyond the mask are none, as for pycocotools.
            ends = np.minimum(np.cumsum(np.array(counts, "int64")), sides[0] * sides[1])
            counts = np.diff(ends, prepend=0).tolist()
            mask = run_lengths.frPyObjects({"size": sides, "counts": counts}, *sides)
        else:
            mask = {"size": sides, "counts": counts}
        x, y, width, height = run_lengths.toBbox(mask).tolist()
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        reason = str(error).partition("(#define")[0].strip()
        raise BadBox(f"its mask cannot be read: {reason}", "no outline") from None
    if not width or not height:
        raise BadBox("its mask is empty", "empty")
    return x, y, x + width, y + height


def _numbers(values):
    """The values as floats, or None if one is no number."""
    if not isinstance(values, list | tuple):
        return None
    numbers = [number_of(value) for value in values]
    return None if None in numbers else numbers
