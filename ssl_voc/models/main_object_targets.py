"""Targets of a localizer: the main object of each image."""

import keras
from keras import ops

from ssl_voc import boxes


def main_targets(objects):
    """Picks the largest object of each image that is not difficult.

    Args:
        objects: Dictionary of `"boxes"` `(batch, n, 4)`, xyxy, and `"classes"` `(batch,
            n)`, -1 where padded, and of `"difficult"` `(batch, n)` where known.

    Returns:
        Dictionary of `"boxes"` `(batch, 1, 4)` and `"classes"` `(batch, 1)`, -1 for an
        image without such an object.
    """
    corners, classes = objects["boxes"], objects["classes"]
    usable = boxes.is_object(classes)
    if "difficult" in objects:
        usable = ops.logical_and(usable, ops.logical_not(objects["difficult"]))
    areas = ops.where(usable, boxes.box_areas(corners), -1.0)
    main = ops.argmax(areas, axis=1)[:, None]

    def pick(values):
        return ops.take_along_axis(values, main, axis=1)

    return {
        "boxes": ops.take_along_axis(corners, main[..., None], axis=1),
        # An image whose objects are all difficult has none.
        "classes": ops.where(pick(usable), pick(classes), boxes.PADDING),
    }


def weights_of(targets, sample_weight=None):
    """Weights `(batch, 1)`: 0 where an image has no object, else those given."""
    weights = ops.cast(boxes.is_object(targets["classes"]), "float32")
    if sample_weight is None:
        return weights
    # Keras hands a weight of each image on as one for each part of the targets.
    sample_weight = ops.cast(keras.tree.flatten(sample_weight)[0], "float32")
    return weights * ops.reshape(sample_weight, (-1, 1))
