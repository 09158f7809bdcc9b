"""Class activation maps and hottest patches outside all boxes, photo by photo."""

import contextlib
import dataclasses

import keras
import numpy as np

from ssl_voc.heat_maps import box_weights
from ssl_voc.heat_maps.explained_layer import find_layer
from ssl_voc.runs.progress_bar import progress_bar

GRID = 12
NUM_PATCHES = 2
PATCH_SHARE = 1 / 6  # of the side of the square
FEWEST_ROWS = 6
# A patch belongs to the background if so much of it lies outside all boxes.
_LEAST_OUTSIDE = 0.75


@dataclasses.dataclass(frozen=True)
class Scan:
    """Heat and features of `n` photos.

    Attributes:
        indices: `(n,)`, of the subject's pool.
        classes: `(n,)`, of the main objects.
        is_right: bool `(n,)`, whether the model answers that class.
        heat: `(n, num_classes, GRID, GRID)`, mean heat of each class outside all boxes,
            by cells of the photo.
        outside: `(n, GRID, GRID)`, share of each cell that lies outside.
        energy: `(n, num_classes)`, sum of the whole map, in the units of `heat`.
        patches: int `(n, num_classes, NUM_PATCHES, 4)`, yxyx of the hottest patches
            outside, in pixels of the square; -1 where there is no room.
        patch_heat: `(n, num_classes, NUM_PATCHES)`, their mean heat; 0 for none.
        patch_features: `(n, num_classes, NUM_PATCHES, channels)`, their mean features.
        patch_share: `(n,)`, share of each photo's area that a patch takes.
        reach: Side of a cell of the map in pixels of the square.
    """

    indices: np.ndarray
    classes: np.ndarray
    is_right: np.ndarray
    heat: np.ndarray
    outside: np.ndarray
    energy: np.ndarray
    patches: np.ndarray
    patch_heat: np.ndarray
    patch_features: np.ndarray
    patch_share: np.ndarray
    reach: int


def choose_layer(model, layer=None):
    """The layer that was asked for, or the deepest map that can tell places apart."""
    if layer is not None:
        found = find_layer(model, layer)
        if found not in model.backbone.operations:
            raise ValueError(
                "Shortcuts are looked for by a layer of the backbone. Received: "
                f"{found.name}"
            )
        return found
    for stride in (64, 32, 16, 8, 4, 2):
        with contextlib.suppress(ValueError):
            found = find_layer(model, stride)
            if found.output.shape[1] >= FEWEST_ROWS:
                return found
    return find_layer(model)


def outside_of(views, place, margin=0.0):
    """Where a photo shows none of its annotated objects, `(height, width)` bool.

    Boxes are grown by `margin` pixels where maps are read: they blur what they show.
    """
    height, width = views.sizes[place]
    inside = np.zeros((height, width), bool)
    for box in views.all_boxes[place]:
        if box[2] > box[0]:
            grown = box + np.array([-1, -1, 1, 1]) * margin
            inside |= box_weights((height, width), grown) > 0
    return ~inside


def scan_photos(subject, indices, layer):
    """Maps every photo for every class.

    Args:
        subject: `Subject`.
        indices: Photos of its pool.
        layer: Layer of the backbone.

    Returns:
        A `Scan`.
    """
    backbone = subject.model.backbone
    features_of = keras.Model(backbone.input, layer.output)
    features_of.jit_compile = subject.model.jit_compile
    reach = subject.pool.image_size / layer.output.shape[1]
    patch = _patch_side(subject.pool.image_size)
    num_classes = len(subject.pool.class_names)
    num_made, num_maps = 0, len(indices) * num_classes
    progress = progress_bar("mapping backgrounds", "map")
    progress(0, num_maps)
    parts = []
    for views in subject.views(indices):
        features = features_of.predict_on_batch(views.images.astype("float32"))
        masks = [outside_of(views, place, reach / 2) for place in range(len(views))]
        by_class = []
        for label in range(num_classes):
            labels = np.full(len(views), label)
            maps = subject.maps(views.images, labels, layer=layer, method="layercam")
            photos = zip(maps, masks, features, strict=True)
            by_class.append([_measure_background(*photo) for photo in photos])
            num_made += len(views)
            progress(num_made, num_maps)
        found = {
            name: np.stack([[photo[name] for photo in row] for row in by_class], axis=1)
            for name in by_class[0][0]
        }
        found["classes"] = views.classes
        answers = subject.predict_classes(views.images, views.boxes)
        found["is_right"] = answers == views.classes
        found["outside"] = np.stack([_cells(mask) for mask in masks])
        areas = np.prod(views.sizes, axis=1, dtype="float64")
        found["patch_share"] = patch**2 / areas
        parts.append(found)
    joined = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    return Scan(indices=np.asarray(indices), reach=round(reach), **joined)


def _cells(values):
    """Means over a grid of equal cells, `(GRID, GRID)`."""
    rows, columns = (_cell_weights(size) for size in values.shape)
    return (rows @ values.astype("float32") @ columns.T).astype("float32")


def _cell_weights(size):
    """The share that each of `size` pixels has in each cell's mean, `(GRID, size)`."""
    edges = np.linspace(0, size, GRID + 1)
    starts = np.arange(size)
    low = np.maximum(starts, edges[:-1, None])
    overlap = np.maximum(np.minimum(starts + 1, edges[1:, None]) - low, 0)
    return (overlap / overlap.sum(axis=1, keepdims=True)).astype("float32")


def _patch_side(side):
    return max(2, round(PATCH_SHARE * side))


def _measure_background(heat, outside, features):
    """Heat outside by cells, and the hottest patches outside with their features."""
    side, (height, width) = heat.shape[0], outside.shape
    heat = heat[:height, :width]
    background = heat * outside
    patch = _patch_side(side)
    found = {
        "heat": _cells(background),
        "energy": np.float32(heat.mean() * GRID * GRID),
        "patches": np.full((NUM_PATCHES, 4), -1),
        "patch_heat": np.zeros(NUM_PATCHES, "float32"),
        "patch_features": np.zeros((NUM_PATCHES, features.shape[-1]), "float32"),
    }
    if min(height, width) < patch:
        return found
    sums = _window_sums(background, patch)
    allowed = _window_sums(outside, patch) >= _LEAST_OUTSIDE * patch**2
    scale = features.shape[0] / side
    for number in range(NUM_PATCHES):
        sums = np.where(allowed, sums, -np.inf)
        y, x = np.unravel_index(np.argmax(sums), sums.shape)
        if not allowed[y, x]:
            break
        found["patches"][number] = y, x, y + patch, x + patch
        found["patch_heat"][number] = sums[y, x] / patch**2
        rows, columns = (
            slice(int(low * scale), int(np.ceil((low + patch) * scale)))
            for low in (y, x)
        )
        found["patch_features"][number] = features[rows, columns].mean(axis=(0, 1))
        allowed[
            max(0, y - patch + 1) : y + patch, max(0, x - patch + 1) : x + patch
        ] = False
    return found


def _window_sums(values, side):
    total = np.pad(values.astype("float64"), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    upper, lower = total[:-side], total[side:]
    return lower[:, side:] - upper[:, side:] - lower[:, :-side] + upper[:, :-side]
