"""One scene: textured shapes on a cluttered background, an exact box each.

A class is a shape together with the pattern on its surface (`CLASSES`). All else is
drawn independently of the class: colors, size, tilt, stretch, place, background. Blobs
with the same patterns lie about as clutter, so that neither a color nor a pattern
alone says what a scene shows. Most scenes have one main object; smaller ones lie behind
and in front of it.

A pixel belongs to an object where the object covers at least half of it and no object
in front does. The box is the extent of those pixels: VOC's box of the visible part,
counted as VOC does, in 1-based pixels with both ends inside. `truncated` says that the
frame cuts the object, `difficult` that less than `DIFFICULT_SHARE` of it is visible.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.scenes import shapes, textures
from pipelines.scenes.painting import Layer, paint_background, paint_layer

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
NUM_CLUTTER_BLOBS = (2, 6)
CLUTTER_SIZE = (0.15, 0.5)
CLUTTER_CONTRAST = 0.5  # of a blob's pattern, as a share of an object's
DIFFICULT_SHARE = 0.5
PIXEL_NOISE = 6.0  # standard deviation
LEAST_VISIBLE_SHARE = 0.15  # what is hidden more than this is left out of the scene


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


def _place(rng, shape, size, width, height):
    """A random outline of about `size` pixels, its center, and its tilt in radians."""
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
    center = rng.uniform(low, high)
    return points + center, center, tilt


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
        outline, center, tilt = _place(rng, shape, size, width, height)
        return Layer(name, outline, center, tilt, texture, size, contrast)

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


def _visible_masks(layers, height, width):
    """A boolean mask for each layer: the pixels where it is the foremost object."""
    owner = np.full((height, width), -1)
    for index, layer in enumerate(layers):
        if layer.name is not None:
            frame, part = layer.windows(height, width)
            owner[frame][layer.coverage[part] >= 0.5] = index
    return [owner == index for index in range(len(layers))]


def _leave_out_hidden(layers, height, width):
    """Drops the objects of which hardly anything would be seen."""
    masks = _visible_masks(layers, height, width)
    return [
        layer
        for layer, visible in zip(layers, masks, strict=True)
        if layer.name is None
        or np.count_nonzero(visible) >= LEAST_VISIBLE_SHARE * layer.num_pixels
    ]


def _annotate(layer, visible):
    height, width = visible.shape
    rows, columns = np.flatnonzero(visible.any(1)), np.flatnonzero(visible.any(0))
    _, part = layer.windows(height, width)
    num_in_frame = np.count_nonzero(layer.coverage[part] >= 0.5)
    num_visible = np.count_nonzero(visible)
    ends = (columns[0], rows[0], columns[-1], rows[-1])
    return SceneObject(
        name=layer.name,
        box=tuple(int(end) + 1 for end in ends),
        truncated=bool(num_in_frame < layer.num_pixels),
        difficult=bool(num_visible < DIFFICULT_SHARE * layer.num_pixels),
        visible=visible,
        outline=layer.outline,
    )


def draw_scene(class_name, image_size, rng):
    """Draws one scene.

    Args:
        class_name: Class of the main object, a key of `CLASSES`.
        image_size: `(width, height)` in pixels.
        rng: `numpy.random.Generator`, the only source of randomness.

    Returns:
        A `Scene`. Its main object is never `difficult`.
    """
    width, height = image_size
    while True:
        layers, main = _plan(rng, class_name, width, height)
        layers = _leave_out_hidden(layers, height, width)
        masks = _visible_masks(layers, height, width)
        objects = {
            layer: _annotate(layer, visible)
            for layer, visible in zip(layers, masks, strict=True)
            if layer.name is not None
        }
        if main in objects and not objects[main].difficult:
            break
    pixels = paint_background(rng, width, height)
    for layer in layers:
        paint_layer(pixels, layer, rng)
    pixels += rng.standard_normal(pixels.shape, dtype=np.float32) * PIXEL_NOISE
    pixels = np.clip(np.rint(pixels), 0, 255).astype("uint8")
    return Scene(pixels, tuple(objects.values()))
