"""Boxes that were rotated in an annotation tool."""

import math

from pipelines.readers.written_values import number_of

BOX_ROTATED = "rotated box read as the box around it"


def box_around_rotated(box, rotation):
    """The upright box around one that is rotated about its centre.

    CVAT writes the box as it was before, and the angle beside it.

    Args:
        box: `(x_min, y_min, x_max, y_max)` before it was rotated.
        rotation: The angle in degrees, as it is written. What is no finite number is
            none.

    Returns:
        `(box, remark)`: the box around it, and None or a text that tells the angle.
    """
    angle = number_of(rotation)
    if angle is None or not math.isfinite(angle) or angle % 180 == 0:
        return box, None
    x_min, y_min, x_max, y_max = box
    cosine, sine = (abs(part(math.radians(angle))) for part in (math.cos, math.sin))
    width, height = x_max - x_min, y_max - y_min
    to_side = (width * cosine + height * sine) / 2
    to_top = (width * sine + height * cosine) / 2
    x, y = (x_min + x_max) / 2, (y_min + y_max) / 2
    around = x - to_side, y - to_top, x + to_side, y + to_top
    return around, f"rotated by {angle:g} degrees"
