"""Rectangles of which every single one can be found again, wherever it was moved to."""

import keras
import numpy as np
from keras import ops

HEIGHT, WIDTH = 48, 64
NUM_CHANNELS = 3


def draw_boxes(num_images, num_objects, height, width, seed=0):
    """Boxes of at least a quarter of the image's sides, and one row of padding each.

    The last image has no object. The class of an object is its number in the batch, so
    that it names one object alone.

    Returns:
        Dictionary of `"boxes"` `(num_images, num_objects + 1, 4)` and `"classes"`.
    """
    random = np.random.default_rng(seed)
    sides = random.integers(
        [width // 4, height // 4],
        [width // 2, height // 2],
        (num_images, num_objects + 1, 2),
    )
    starts = random.integers(0, [width, height] - sides + 1)
    boxes = np.concatenate([starts, starts + sides], axis=-1).astype("float32")
    classes = np.arange(num_images * (num_objects + 1), dtype="float32")
    classes = classes.reshape(num_images, num_objects + 1)
    classes[:, -1] = classes[-1] = -1.0
    boxes[classes < 0] = -1.0
    return {"boxes": boxes, "classes": classes}


def draw_batch(num_images=6, num_objects=2, seed=0):
    """Noise of `HEIGHT` x `WIDTH` pixels, uint8, with the boxes of `draw_boxes`."""
    shape = (num_images, HEIGHT, WIDTH, 3)
    images = np.random.default_rng(seed).integers(0, 256, shape, "uint8")
    bounding_boxes = draw_boxes(num_images, num_objects, HEIGHT, WIDTH, seed)
    return {"images": images, "bounding_boxes": bounding_boxes}


def find_each(build_layer, bounding_boxes, height, width, **call_arguments):
    """Paints each object into a channel of its own, and looks where a layer moves it.

    Three objects a run, whichever images they are in: none hides another.

    Args:
        build_layer: Function that returns the layer, anew and with a seed, so that all
            runs draw the same. It must leave colors as they are.
        bounding_boxes: Dictionary of `draw_boxes`.
        height: Height of the images in pixels.
        width: Width of the images in pixels.
        **call_arguments: Such as `training`.

    Returns:
        List with a dictionary for each resulting image, from the class of an object to
        the box `(4,)` around its bright pixels; objects that are not seen are left out.
    """
    found = None
    boxes, classes = bounding_boxes["boxes"], bounding_boxes["classes"]
    indices = list(zip(*np.nonzero(classes >= 0), strict=True))
    for first in range(0, len(indices), NUM_CHANNELS):
        images = np.zeros((len(boxes), height, width, NUM_CHANNELS), "uint8")
        painted = indices[first : first + NUM_CHANNELS]
        for channel, index in enumerate(painted):
            left, top, right, bottom = boxes[index].astype(int)
            images[index[0], top:bottom, left:right, channel] = 255
        batch = {"images": images, "bounding_boxes": bounding_boxes}
        views = ops.convert_to_numpy(build_layer()(batch, **call_arguments)["images"])
        found = found or [{} for _ in views]
        for view, objects in zip(views, found, strict=True):
            for channel, index in enumerate(painted):
                bright = view[..., channel] > 127
                if bright.any():
                    objects[classes[index]] = _box_around(bright)
    return found


def _box_around(bright):
    xs, ys = np.flatnonzero(bright.any(0)), np.flatnonzero(bright.any(1))
    return np.array((xs[0], ys[0], xs[-1] + 1, ys[-1] + 1), "float32")


def to_numpy(batch):
    """The dictionary of a batch with arrays in place of tensors."""
    return keras.tree.map_structure(ops.convert_to_numpy, batch)


def listed(batch):
    """The boxes that a batch lists, of the form of `find_each`.

    Raises:
        AssertionError: where padding is not -1, or a class comes twice in an image.
    """
    result = []
    bounding_boxes = to_numpy(batch["bounding_boxes"])
    pairs = zip(bounding_boxes["boxes"], bounding_boxes["classes"], strict=True)
    for boxes, classes in pairs:
        np.testing.assert_array_equal(classes[classes < 0], -1.0)
        np.testing.assert_array_equal(boxes[classes < 0], -1.0)
        kept = classes[classes >= 0]
        assert len(set(kept)) == len(kept)
        result.append(dict(zip(kept, boxes[classes >= 0], strict=True)))
    return result
