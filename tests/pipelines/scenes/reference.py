"""Coverage and area of polygons by their definitions."""

import numpy as np


def coverage(outline, width, height, num_points=8):
    """Share of a grid of points in each pixel that is inside by the even-odd rule."""
    y, x = (np.mgrid[: height * num_points, : width * num_points] + 0.5) / num_points
    inside = np.zeros(x.shape, bool)
    for (x1, y1), (x2, y2) in zip(outline, np.roll(outline, -1, 0), strict=True):
        if y1 != y2:
            crossed = (y1 > y) != (y2 > y)
            inside ^= crossed & (x < x1 + (y - y1) / (y2 - y1) * (x2 - x1))
    return inside.reshape(height, num_points, width, num_points).mean((1, 3))


def area(outline):
    """Shoelace formula, in square pixels."""
    x, y = outline.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
