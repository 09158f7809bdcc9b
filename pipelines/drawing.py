"""Draws one scene: textured shapes on a cluttered background, an exact box each.

A class is a shape together with the pattern on its surface (`CLASSES`). All else is
drawn independently of the class: colours, size, tilt, stretch, place, background. Blobs
with the same patterns lie about as clutter, so that neither a colour nor a pattern
alone says what a scene shows. Most scenes have one main object; smaller ones lie behind
and in front of it.

A pixel belongs to an object where the object covers at least half of it and no object
in front does. The box is the extent of those pixels: VOC's box of the visible part,
counted as VOC does, in 1-based pixels with both ends inside. `truncated` says that the
frame cuts the object, `difficult` that less than `DIFFICULT_SHARE` of it is visible.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from pipelines import shapes, textures
from pipelines.polygons import contour_coverage, polygon_coverage

CLASSES = {
    "fish": (shapes.fish, textures.scales),
    "flower": (shapes.flower, textures.rays),
    "house": (shapes.house, textures.bricks),
    "kite": (shapes.kite, textures.checks),
    "leaf": (shapes.leaf, textures.zigzag),
    "mushroom": (shapes.mushroom, textures.dots),
    "star": (shapes.star, textures.marble),
    "target": (shapes.disc, textures.rings),
    "tent": (shapes.tent, textures.stripes),
    "vase": (shapes.vase, textures.weave),
}
CLUTTER_TEXTURES = tuple(texture for _, texture in CLASSES.values()) + (
    textures.lattice,
    textures.waves,
    textures.plain,
)

# Lengths are shares of the frame's shorter side; a size is the root of the box's area.
MAIN_SIZE = (0.65, 0.95)
SMALL_SIZE = (0.18, 0.34)
MAX_SMALL_OBJECTS = 3
NO_MAIN_OBJECT_SHARE = 0.1  # scenes of small objects only
CUT_SHARE = 0.3  # of the objects that may reach beyond the frame
OVERFLOW = 0.25  # share of such an object's extent that may lie there
MAX_TILT = 25.0  # degrees to either side
MAX_STRETCH = 1.3
PERIOD = (0.15, 0.21)  # of a pattern, as a share of the object's size
MIN_PERIOD_PIXELS = 6.0
DARK, BRIGHT = (40.0, 90.0), (160.0, 210.0)  # brightness of a pattern's two colours
COLOURFULNESS = 28.0  # largest departure of a colour's channels from gray
BACKGROUND_CONTRAST = 0.35
MAX_TURN = 25.0  # of a pattern against its object, degrees to either side
NUM_CLUTTER_BLOBS = (2, 6)
CLUTTER_SIZE = (0.15, 0.5)
CLUTTER_CONTRAST = 0.5  # of a blob's pattern, as a share of an object's
EDGE_LEVELS = (15.0, 240.0)  # gray levels of an object's contour
SHADING = 0.4  # largest change of brightness along an object's size
PIXEL_NOISE = 6.0
DIFFICULT_SHARE = 0.5
LEAST_VISIBLE_SHARE = 0.15  # what is hidden more than this is left out of the scene

_BRIGHTNESS = np.array([0.299, 0.587, 0.114], "float32")


@dataclass(frozen=True, slots=True)
class SceneObject:
    """One annotated object.

    Attributes:
        name: Class name.
        box: `(xmin, ymin, xmax, ymax)` of the visible part, 1-based inclusive pixels.
        truncated: Whether the frame cuts the object.
        difficult: Whether less than `DIFFICULT_SHARE` of it is visible.
        visible: Boolean `(height, width)`: the visible part's pixels.
        outline: `(num_points, 2)` float polygon in 0-based pixel coordinates.
    """

    name: str
    box: tuple
    truncated: bool
    difficult: bool
    visible: np.ndarray
    outline: np.ndarray


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawn scene: `pixels` `(height, width, 3)` uint8, `objects` back to front."""

    pixels: np.ndarray
    objects: tuple


class _Tile:
    """A polygon's coverage of the pixels around it, in the frame or not.

    Attributes:
        coverage: Float32 in `[0, 1]`, `(tile height, tile width)`.
        edge: The same for a line along the polygon's edge.
        left, top: Place of the tile's first pixel in the frame.
    """

    def __init__(self, outline, edge_width):
        # One pixel more on each side, where half of the edge line lies.
        low = np.floor(outline.min(0)).astype(int) - 1
        width, height = np.ceil(outline.max(0)).astype(int) + 1 - low
        self.left, self.top = int(low[0]), int(low[1])
        self.coverage = polygon_coverage(outline - low, width, height)
        self.edge = contour_coverage(outline - low, width, height, edge_width)

    def windows(self, height, width):
        """Slices of the frame and of the tile where the two overlap."""
        tile_height, tile_width = self.coverage.shape
        top, bottom = max(self.top, 0), min(self.top + tile_height, height)
        left, right = max(self.left, 0), min(self.left + tile_width, width)
        bottom, right = max(bottom, top), max(right, left)
        frame = np.s_[top:bottom, left:right]
        tile = np.s_[
            top - self.top : bottom - self.top, left - self.left : right - self.left
        ]
        return frame, tile


@dataclass(slots=True)
class _Layer:
    name: str | None  # None: clutter
    outline: np.ndarray
    centre: np.ndarray
    tilt: float
    size: float
    texture: object
    contrast: float


def _place(rng, shape, size, width, height):
    """A random outline of `size` pixels in the frame, and its centre."""
    points = np.asarray(shape(rng), "float64")
    if rng.random() < 0.5:
        points = points * [-1, 1]
    stretch = np.exp(rng.uniform(-1, 1) * np.log(MAX_STRETCH) / 2)
    tilt = np.deg2rad(rng.uniform(-MAX_TILT, MAX_TILT))
    points = points * [stretch, 1 / stretch]
    points = points @ [[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]]
    extent = np.ptp(points, axis=0)
    scale = size / np.sqrt(extent.prod())
    overflow = OVERFLOW
    if rng.random() >= CUT_SHARE:
        overflow = 0.0
        scale = min(scale, *([width, height] / extent))
    points, extent = points * scale, extent * scale
    points -= (points.max(0) + points.min(0)) / 2
    nearest = extent * (0.5 - overflow)
    farthest = [width, height] - nearest
    low, high = np.minimum(nearest, farthest), np.maximum(nearest, farthest)
    centre = rng.uniform(low, high)
    return points + centre, centre, tilt


def _plan(rng, class_name, width, height):
    """Clutter first, then the objects, back to front."""
    side = min(width, height)

    def layer(name, size_range):
        size = rng.uniform(*size_range) * side
        if name is None:
            shape = shapes.blob
            texture = CLUTTER_TEXTURES[rng.integers(len(CLUTTER_TEXTURES))]
            contrast = CLUTTER_CONTRAST
        else:
            (shape, texture), contrast = CLASSES[name], 1.0
        outline, centre, tilt = _place(rng, shape, size, width, height)
        return _Layer(name, outline, centre, tilt, size, texture, contrast)

    names = list(CLASSES)
    clutter = [
        layer(None, CLUTTER_SIZE) for _ in range(rng.integers(*NUM_CLUTTER_BLOBS))
    ]
    others = [
        layer(names[rng.integers(len(names))], SMALL_SIZE)
        for _ in range(rng.integers(MAX_SMALL_OBJECTS + 1))
    ]
    has_main = rng.random() >= NO_MAIN_OBJECT_SHARE
    main = layer(class_name, MAIN_SIZE if has_main else (SMALL_SIZE[1], MAIN_SIZE[0]))
    num_behind = rng.integers(len(others) + 1)
    return [*clutter, *others[:num_behind], main, *others[num_behind:]], main


def _visible_masks(layers, tiles, height, width):
    """Boolean masks of the objects' visible pixels, given back to front."""
    owner = np.full((height, width), -1)
    for index, (layer, tile) in enumerate(zip(layers, tiles, strict=True)):
        frame, part = tile.windows(height, width)
        if layer.name is not None:
            owner[frame][tile.coverage[part] >= 0.5] = index
    return [owner == index for index in range(len(layers))]


def _colours(rng, contrast):
    """Two RGB colours of clearly different brightness, in random order."""
    tints = rng.uniform(-COLOURFULNESS, COLOURFULNESS, (2, 3))
    tints -= (tints @ _BRIGHTNESS)[:, None]
    levels = np.array([rng.uniform(*DARK), rng.uniform(*BRIGHT)])[:, None]
    first, second = rng.permutation(levels + tints).astype("float32")
    middle = (first + second) / 2
    half = (first - second) / 2 * np.float32(contrast)
    return middle + half, middle - half


def _smooth_noise(rng, knots, width, height):
    noise = Image.fromarray(rng.standard_normal((knots, knots), dtype=np.float32))
    return np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC))


def _background(rng, width, height):
    first, second = _colours(rng, BACKGROUND_CONTRAST)
    noise = _smooth_noise(rng, 6, width, height)
    share = np.clip(0.5 + 0.5 * noise, 0, 1)[..., None]
    return first + (second - first) * share


def _paint(pixels, layer, tile, rng):
    height, width, _ = pixels.shape
    frame, part = tile.windows(height, width)
    first, second = _colours(rng, layer.contrast)
    period = max(rng.uniform(*PERIOD) * layer.size, MIN_PERIOD_PIXELS)
    turn = layer.tilt + np.deg2rad(rng.uniform(-MAX_TURN, MAX_TURN))
    rows, columns = np.mgrid[frame]
    x = (columns + 0.5 - layer.centre[0]).astype("float32") / np.float32(period)
    y = (rows + 0.5 - layer.centre[1]).astype("float32") / np.float32(period)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    distance = layer.texture(cos * x + sin * y, cos * y - sin * x, rng)
    share = np.clip(0.5 + distance * np.float32(period), 0, 1)[..., None]
    colour = second + (first - second) * share
    if layer.name is not None:
        edge = tile.edge[part][..., None]
        colour = colour * (1 - edge) + edge * np.float32(rng.choice(EDGE_LEVELS))
        # Light from one side makes the surface look like one body.
        light = rng.uniform(-SHADING, SHADING, 2) * (period / layer.size)
        shade = 1 + light[0] * x + light[1] * y
        colour = colour * shade[..., None].astype("float32")
    coverage = tile.coverage[part][..., None]
    pixels[frame] += (colour - pixels[frame]) * coverage


def draw_scene(class_name, image_size, rng):
    """Draws one scene.

    Args:
        class_name: Class of the main object, a key of `CLASSES`.
        image_size: `(width, height)` in pixels.
        rng: `numpy.random.Generator`, the only source of randomness.

    Returns:
        A `Scene`. The main object is never `difficult`.
    """
    width, height = image_size
    while True:
        layers, main = _plan(rng, class_name, width, height)
        tiles = [_Tile(layer.outline, max(1.0, layer.size / 50)) for layer in layers]
        kept = []
        for layer, tile, visible in zip(
            layers, tiles, _visible_masks(layers, tiles, height, width), strict=True
        ):
            whole = np.count_nonzero(tile.coverage >= 0.5)
            if layer.name is None or visible.sum() >= LEAST_VISIBLE_SHARE * whole:
                kept.append((layer, tile))
        layers, tiles = zip(*kept, strict=True)
        objects, main_is_seen = [], False
        pixels = _background(rng, width, height)
        masks = _visible_masks(layers, tiles, height, width)
        for layer, tile, visible in zip(layers, tiles, masks, strict=True):
            _paint(pixels, layer, tile, rng)
            if layer.name is not None:
                objects.append(_annotate(layer, tile, visible))
                main_is_seen |= layer is main and not objects[-1].difficult
        if main_is_seen:
            break
    pixels += rng.standard_normal(pixels.shape, dtype=np.float32) * PIXEL_NOISE
    return Scene(np.clip(np.rint(pixels), 0, 255).astype("uint8"), tuple(objects))


def _annotate(layer, tile, visible):
    height, width = visible.shape
    rows, columns = np.flatnonzero(visible.any(1)), np.flatnonzero(visible.any(0))
    covered = tile.coverage >= 0.5
    _, part = tile.windows(height, width)
    num_pixels = np.count_nonzero(covered)
    return SceneObject(
        name=layer.name,
        box=(columns[0] + 1, rows[0] + 1, columns[-1] + 1, rows[-1] + 1),
        truncated=bool(np.count_nonzero(covered[part]) < num_pixels),
        difficult=bool(np.count_nonzero(visible) < DIFFICULT_SHARE * num_pixels),
        visible=visible,
        outline=layer.outline,
    )
