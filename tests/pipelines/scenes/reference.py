"""Coverage and area of polygons by their definitions."""

import numpy as np


def coverage(outline, width, height, num_points=8):
    """Share of a grid of points in each pixel that is inside by the even-odd rule."""
    # No point beyond the outline's extent is inside.
    left, top = np.clip(np.floor(outline.min(0)), 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(outline.max(0)), 0, (width, height)).astype(int)
    y, x = np.mgrid[
        top * num_points : bottom * num_points, left * num_points : right * num_points
    ]
    y, x = (y + 0.5) / num_points, (x + 0.5) / num_points
    inside = np.zeros(x.shape, bool)
    for (x1, y1), (x2, y2) in zip(outline, np.roll(outline, -1, 0), strict=True):
        if y1 != y2:
            crossed = (y1 > y) != (y2 > y)
            inside ^= crossed & (x < x1 + (y - y1) / (y2 - y1) * (x2 - x1))
    found = np.zeros((height, width))
    shape = bottom - top, num_points, right - left, num_points
    found[top:bottom, left:right] = inside.reshape(shape).mean((1, 3))
    return found


def area(outline):
    """Shoelace formula, in square pixels."""
    x, y = outline.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
