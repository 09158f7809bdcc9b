"""Outlines of boxes, painted into images."""

from collections.abc import Sequence

import numpy as np

# Okabe and Ito's orange and sky blue: told apart by all eyes, on most photos.
COLORS = ((230, 159, 0), (86, 180, 233))


def outline_boxes(
    image: np.ndarray,
    boxes: np.ndarray,
    color: Sequence[int] = COLORS[0],
    thickness: int = 1,
) -> np.ndarray:
    """Paints the outlines of boxes into a copy of an image.

    Args:
        image: Array `(height, width, 3)` in `[0, 255]`.
        boxes: Array `(num_boxes, 4)`, xyxy in pixels; what lies outside is cut, and
            boxes without area, such as padding, are left out.
        color: Red, green and blue in `[0, 255]`.
        thickness: Of the line, in pixels, inside the box.

    Returns:
        uint8 array of the shape of `image`.
    """
    painted = np.clip(np.round(image), 0, 255).astype("uint8")
    height, width = painted.shape[:2]
    for box in np.asarray(boxes, "float64"):
        if not (box[2] > box[0] and box[3] > box[1]):
            continue
        left, right = np.clip(np.round(box[0::2]).astype(int), 0, width)
        top, bottom = np.clip(np.round(box[1::2]).astype(int), 0, height)
        inner = (
            slice(top + thickness, max(top + thickness, bottom - thickness)),
            slice(left + thickness, max(left + thickness, right - thickness)),
        )
        kept = painted[inner].copy()
        painted[top:bottom, left:right] = color
        painted[inner] = kept
    return painted
