"""Letterboxing: the one resize of labelled photos, from training to export.

A photo is scaled until its longer side fills the square, and padded right and below:
the upper left corner stays where it was. Boxes follow by a factor for each axis,
`resized side / original side`, which is what the resampling does to the pixels.
"""

import numpy as np

# Black, as KerasCV pads.
PADDING = 0


def letterbox(image, image_size: int):
    """Resizes a photo into a square, its aspect kept, padded right and below.

    Bilinear with antialiasing (the triangle filter widens with the reduction), in
    float32; the result is clipped to `[0, 255]` and rounded half to even. All of it
    are tensorflow operations of dynamic shape without state, so that the function runs
    eagerly, in `tf.map_fn` and inside a SavedModel, each with the same pixels.

    Args:
        image: uint8 tensor or array `(height, width, 3)` in `[0, 255]`.
        image_size: Side of the square in pixels.

    Returns:
        uint8 tensor `(image_size, image_size, 3)`.
    """
    import tensorflow as tf

    if image_size < 1:
        raise ValueError(f"`image_size` must be at least 1. Received: {image_size}")
    size = tf.shape(image)[:2]  # (height, width)
    new_size = letterboxed_size(size, image_size)
    # Of the bytes themselves: a copy in float32 would take four times the memory.
    image = tf.cast(tf.image.resize(image, new_size, antialias=True), tf.float32)
    # Antialiasing weights sum to 1 only nearly: 255 may come out as 255.00002.
    image = tf.cast(tf.round(tf.clip_by_value(image, 0.0, 255.0)), tf.uint8)
    below, right = tf.unstack(image_size - new_size)
    image = tf.pad(image, [[0, below], [0, right], [0, 0]], constant_values=PADDING)
    return tf.ensure_shape(image, (image_size, image_size, 3))


def letterboxed_size(original_size, image_size: int):
    """Size in pixels that a photo has inside its square.

    Args:
        original_size: Integers `(..., 2)`, height and width, at least 1; NumPy or
            tensorflow.
        image_size: Side of the square in pixels.

    Returns:
        int32 `(..., 2)`, of the library of `original_size`: the longer side is
        `image_size`, the other is rounded half up and at least 1.
    """
    xp = _library(original_size)
    # In 64 bits: the product of two sides does not fit into 32.
    size = xp.asarray(original_size, "int64")
    longest = xp.max(size, axis=-1, keepdims=True)
    rounded = (2 * size * image_size + longest) // (2 * longest)
    return xp.asarray(xp.maximum(rounded, 1), "int32")


def boxes_to_letterbox(boxes, original_size, image_size: int):
    """Moves boxes from the pixels of the original photos to those of the squares.

    Args:
        boxes: Floats `(..., num_boxes, 4)`, xyxy; NumPy or tensorflow.
        original_size: Integers `(..., 2)`, height and width of the photos, at least 1,
            of the same library.
        image_size: Side of the squares in pixels.

    Returns:
        Boxes of the same shape and type. Nothing is clipped.
    """
    return boxes * _factors(boxes, original_size, image_size)


def boxes_from_letterbox(boxes, original_size, image_size: int):
    """Moves boxes from the pixels of the squares back, and clips them to the photos.

    Undoes `boxes_to_letterbox`; a predicted box may reach into the padding, hence
    beyond its photo. Evaluation, prediction and export all map by this function, on
    arrays or inside their graph.

    Arguments are those of `boxes_to_letterbox`.

    Returns:
        Boxes of the same shape and type; NaN stays NaN.
    """
    xp = _library(boxes)
    moved = boxes / _factors(boxes, original_size, image_size)
    original_size = xp.asarray(original_size)  # or a tuple
    height, width = original_size[..., 0], original_size[..., 1]
    ends = xp.stack([width, height, width, height], axis=-1)[..., None, :]
    ends = xp.asarray(ends, boxes.dtype)
    if xp is np:
        return np.clip(moved, 0, ends)
    import tensorflow as tf

    # Its NumPy twin would lose the static shape.
    return tf.clip_by_value(moved, tf.zeros((), boxes.dtype), ends)


def _factors(boxes, original_size, image_size):
    """Resized by original side, `(..., 1, 4)`: for x, y, x and y."""
    xp = _library(boxes)
    new_size = xp.asarray(letterboxed_size(original_size, image_size), boxes.dtype)
    factors = new_size / xp.asarray(original_size, boxes.dtype)  # y, x
    y, x = factors[..., 0], factors[..., 1]
    return xp.stack([x, y, x, y], axis=-1)[..., None, :]


def _library(value):
    """NumPy, or tensorflow's functions of the same names for its tensors."""
    if type(value).__module__.partition(".")[0] == "tensorflow":
        import tensorflow as tf

        return tf.experimental.numpy
    return np
