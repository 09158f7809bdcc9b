"""Painted layers of a scene: patterns, contours, shading, background.

Colors are drawn independently of what is painted, and from a narrow range: otherwise
they would tell a scene from the others better than its objects do, and contrastive
pretraining would learn the colors.
"""

import numpy as np
from PIL import Image

from pipelines.scenes.polygons import contour_coverage, polygon_coverage

PERIOD = (0.15, 0.21)  # of a pattern, as a share of the object's size
MIN_PERIOD_PIXELS = 6.0
DARK, BRIGHT = (40.0, 90.0), (160.0, 210.0)  # brightness of a pattern's two colors
COLORFULNESS = 28.0  # largest departure of a color's channels from gray
BACKGROUND_CONTRAST = 0.35
MAX_TURN = 25.0  # of a pattern against its object, degrees to either side
CONTOUR_LEVELS = (15.0, 240.0)  # gray levels of an object's contour
CONTOUR_WIDTH = 0.02  # as a share of the object's size; at least a pixel
SHADING = 0.4  # largest change of brightness along an object's size

_BRIGHTNESS = np.array([0.299, 0.587, 0.114], "float32")


class Layer:
    """One polygon of a scene, and how much of each pixel it covers.

    Args:
        name: Class name; `None` for clutter.
        outline: `(num_points, 2)` float polygon in 0-based pixels of the frame, from
            the corner of the first one. It may leave the frame.
        center: `(x, y)` of the pattern's origin.
        tilt: Of the object, in radians.
        texture: A function of `pipelines.scenes.textures`.
        size: Root of the area of the object's box, in pixels.
        contrast: Of the pattern, 1.0 for the full range between dark and bright.

    Attributes:
        coverage: Float32 in `[0, 1]` on a tile of pixels around the polygon, which may
            leave the frame as well.
        contour: The same for a line along the polygon's edge.
        num_pixels: Number of pixels that the polygon covers at least by half.
    """

    def __init__(self, name, outline, center, tilt, texture, size, contrast):
        self.name = name
        self.outline = outline
        self.center = center
        self.tilt = tilt
        self.texture = texture
        self.size = size
        self.contrast = contrast
        # One pixel more on each side, where half of the contour lies.
        self._low = np.floor(outline.min(0)).astype(int) - 1
        width, height = np.ceil(outline.max(0)).astype(int) + 1 - self._low
        line_width = max(1.0, size * CONTOUR_WIDTH)
        local = outline - self._low
        self.coverage = polygon_coverage(local, width, height)
        self.contour = contour_coverage(local, width, height, line_width)
        self.num_pixels = np.count_nonzero(self.coverage >= 0.5)

    def windows(self, height, width):
        """Slices of the frame and of the tile where the two overlap."""
        left, top = self._low.tolist()
        tile_height, tile_width = self.coverage.shape
        first_row, last_row = max(top, 0), min(top + tile_height, height)
        first_column, last_column = max(left, 0), min(left + tile_width, width)
        frame = np.s_[first_row:last_row, first_column:last_column]
        tile = np.s_[
            first_row - top : last_row - top, first_column - left : last_column - left
        ]
        return frame, tile


def _colors(rng, contrast):
    """Two RGB colors of clearly different brightness, in random order."""
    tints = rng.uniform(-COLORFULNESS, COLORFULNESS, (2, 3))
    tints -= (tints @ _BRIGHTNESS)[:, None]
    levels = np.array([rng.uniform(*DARK), rng.uniform(*BRIGHT)])[:, None]
    first, second = rng.permutation(levels + tints).astype("float32")
    middle = (first + second) / 2
    half = (first - second) / 2 * np.float32(contrast)
    return middle + half, middle - half


def paint_background(rng, width, height):
    """Float32 `(height, width, 3)`: two colors that run into each other in patches."""
    first, second = _colors(rng, BACKGROUND_CONTRAST)
    noise = Image.fromarray(rng.standard_normal((6, 6), dtype=np.float32))
    noise = np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC))
    share = np.clip(0.5 + 0.5 * noise, 0, 1)[..., None]
    return first + (second - first) * share


def paint_layer(pixels, layer, rng):
    """Paints a layer over float32 `pixels` `(height, width, 3)`, in place."""
    height, width, _ = pixels.shape
    frame, part = layer.windows(height, width)
    first, second = _colors(rng, layer.contrast)
    period = max(rng.uniform(*PERIOD) * layer.size, MIN_PERIOD_PIXELS)
    turn = layer.tilt + np.deg2rad(rng.uniform(-MAX_TURN, MAX_TURN))
    rows, columns = np.mgrid[frame]
    x = (columns + 0.5 - layer.center[0]).astype("float32") / np.float32(period)
    y = (rows + 0.5 - layer.center[1]).astype("float32") / np.float32(period)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    distance = layer.texture(cos * x + sin * y, cos * y - sin * x, rng)
    share = np.clip(0.5 + distance * np.float32(period), 0, 1)[..., None]
    color = second + (first - second) * share
    if layer.name is not None:
        contour = layer.contour[part][..., None]
        level = np.float32(rng.choice(CONTOUR_LEVELS))
        color = color + (level - color) * contour
        # Light from one side makes the surface look like one body.
        light = rng.uniform(-SHADING, SHADING, 2) * (period / layer.size)
        shade = 1 + light[0] * x + light[1] * y
        color = color * shade[..., None].astype("float32")
    coverage = layer.coverage[part][..., None]
    pixels[frame] += (color - pixels[frame]) * coverage
