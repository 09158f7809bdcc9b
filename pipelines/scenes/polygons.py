"""Coverage of pixels by polygons and by lines along their edges.

Pillow's own filling counts every pixel that the edge touches, which grows small objects
and shifts their boxes; here a box has to be exact.
"""

import numpy as np
from PIL import Image, ImageDraw

NUM_SCANLINES = 8  # per row of pixels
LINE_SUPERSAMPLING = 4


def polygon_coverage(outline, width, height):
    """Share of each pixel that lies inside a polygon.

    Exact along x; along y the mean over `NUM_SCANLINES` lines in each row.

    Args:
        outline: `(num_points, 2)` x and y of a polygon that does not cross itself, in
            pixels from the corner of the first pixel. It must lie inside the area.
        width: Width of the area in pixels.
        height: Height of the area in pixels.

    Returns:
        Float32 array `(height, width)` in `[0, 1]`.
    """
    x1, y1 = np.asarray(outline, "float64").T
    x2, y2 = np.roll(x1, -1), np.roll(y1, -1)
    y = (np.arange(height * NUM_SCANLINES) + 0.5) / NUM_SCANLINES
    lines, edges = np.nonzero((y1 > y[:, None]) != (y2 > y[:, None]))
    share = (y[lines] - y1[edges]) / (y2 - y1)[edges]
    x = x1[edges] + share * (x2 - x1)[edges]
    # The inside begins right of edges in one direction and ends at those in the other.
    sign = np.where(y2 > y1, 1.0, -1.0)[edges]
    column = np.floor(x).astype(np.intp)
    rest = x - column
    # Two more columns take the steps of an edge on the far side of the area.
    columns = width + 2
    first = lines // NUM_SCANLINES * columns + column
    steps = np.bincount(
        np.concatenate([first, first + 1]),
        np.concatenate([sign * (1 - rest), sign * rest]),
        minlength=height * columns,
    ).reshape(height, columns)
    coverage = np.abs(np.cumsum(steps, axis=1)) / NUM_SCANLINES
    # Sums of fractions end a rounding error beside 0 and 1.
    return np.clip(coverage[:, :width].round(6), 0, 1).astype("float32")


def contour_coverage(outline, width, height, line_width):
    """Share of each pixel that a line along the polygon's edge covers.

    Arguments and result are those of `polygon_coverage`, with the width of the line in
    pixels.
    """
    mask = Image.new("L", (width * LINE_SUPERSAMPLING, height * LINE_SUPERSAMPLING))
    points = (np.asarray(outline) * LINE_SUPERSAMPLING).ravel().tolist()
    line_width = max(1, round(line_width * LINE_SUPERSAMPLING))
    ImageDraw.Draw(mask).line(points + points[:4], 255, line_width, "curve")
    return np.asarray(mask.reduce(LINE_SUPERSAMPLING), "float32") / 255
