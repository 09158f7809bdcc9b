"""Boxes under flips, crops and mosaics of their image."""

from keras import ops

from ssl_voc import boxes

# Shares are products of rounded numbers: what is meant to be at a bound shall pass.
_ROUNDING = 1e-4
# What is told of each object beside its box and class.
_FLAGS = ("difficult", "truncated")


def flags_of(inputs):
    """The parts `(batch, n)` of a batch's dictionary that belong to its boxes."""
    return {name: inputs[name] for name in _FLAGS if name in inputs}


def pad_boxes(boxes_xyxy, classes):
    """Gives padding, rows of class -1, the coordinates of padding."""
    exists = boxes.is_object(classes)[..., None]
    return ops.where(exists, boxes_xyxy, boxes.PADDING)


def pad_flags(flags, classes):
    """Unsets the flags of padding in a dictionary of the form of `flags_of`."""
    exists = boxes.is_object(classes)
    return {
        name: ops.where(exists, values, ops.zeros_like(values))
        for name, values in flags.items()
    }


def flip_boxes(boxes_xyxy, classes, flips, width):
    """Mirrors the boxes of some images, left to right; padding stays.

    Args:
        boxes_xyxy: Float tensor `(batch, n, 4)`, in pixels.
        classes: Tensor `(batch, n)`, -1 where padded.
        flips: Bool tensor `(batch,)`: which images are mirrored.
        width: Width of the images in pixels.

    Returns:
        Tensor of the shape of `boxes_xyxy`.
    """
    left, top, right, bottom = (boxes_xyxy[..., i] for i in range(4))
    mirrored = ops.stack([width - right, top, width - left, bottom], axis=-1)
    moved = ops.where(flips[:, None, None], mirrored, boxes_xyxy)
    return pad_boxes(moved, classes)


def boxes_in_crops(boxes_xyxy, crops_rel_xyxy, image_shape, size):
    """Moves boxes from the pixels of the images to those of their resized crops.

    Args:
        boxes_xyxy: Float tensor `(batch, n, 4)`, in pixels of the images.
        crops_rel_xyxy: Float tensor `(batch, 4)`: the crops, as shares of the images.
        image_shape: Tuple `(height, width)` of the images, in pixels.
        size: Tuple `(height, width)` of the resized crops, in pixels.

    Returns:
        Tensor `(batch, n, 4)`, xyxy; nothing is clipped.
    """
    boxes_rel = boxes.convert_format(boxes_xyxy, "xyxy", "rel_xyxy", image_shape)
    shifts, sides = _shifts_and_sides(crops_rel_xyxy)
    return boxes.convert_format((boxes_rel - shifts) / sides, "rel_xyxy", "xyxy", size)


def boxes_in_tiles(boxes_xyxy, tiles_rel_xyxy, image_shape):
    """Moves boxes from the pixels of images to those of a picture they are tiles of.

    Args:
        boxes_xyxy: Float tensor `(batch, n, 4)`, in pixels of the images.
        tiles_rel_xyxy: Float tensor `(batch, 4)`: the place of each image, as shares of
            the picture.
        image_shape: Tuple `(height, width)` of images and pictures, in pixels.

    Returns:
        Tensor `(batch, n, 4)`, xyxy.
    """
    boxes_rel = boxes.convert_format(boxes_xyxy, "xyxy", "rel_xyxy", image_shape)
    shifts, sides = _shifts_and_sides(tiles_rel_xyxy)
    moved = shifts + boxes_rel * sides
    return boxes.convert_format(moved, "rel_xyxy", "xyxy", image_shape)


def _shifts_and_sides(frames):
    """Starts and sides `(batch, 1, 4)` of frames `(batch, 4)`, for boxes in xyxy."""
    starts, ends = frames[:, None, :2], frames[:, None, 2:]
    shifts = ops.concatenate([starts, starts], axis=-1)
    return shifts, ops.concatenate([ends - starts] * 2, axis=-1)


def keep_visible(boxes_xyxy, classes, size, min_visible_share, difficult=None):
    """Clips boxes to their image and turns those that are mostly outside into padding.

    A difficult one stays as long as anything of it is inside: it is there to say that
    nothing is learned from these pixels.

    Args:
        boxes_xyxy: Float tensor `(batch, n, 4)`, in pixels.
        classes: Tensor `(batch, n)`, -1 where padded.
        size: Tuple `(height, width)` of the images, in pixels.
        min_visible_share: Share of its area that an object must have inside, in
            `[0, 1]`.
        difficult: Optional tensor `(batch, n)`: which objects are difficult.

    Returns:
        Tuple of boxes and classes, of the shapes of the arguments, -1 where padded.
    """
    clipped = boxes.clip_boxes(boxes_xyxy, size)
    inside = boxes.box_areas(clipped)
    visible = boxes.share_of_area(inside, boxes.box_areas(boxes_xyxy))
    kept = visible >= min_visible_share - _ROUNDING
    if difficult is not None:
        kept = ops.logical_or(kept, ops.cast(difficult, "bool"))
    kept = ops.logical_and(kept, inside > 0.0)
    kept = ops.logical_and(kept, boxes.is_object(classes))
    classes = ops.where(kept, classes, ops.full_like(classes, int(boxes.PADDING)))
    return pad_boxes(clipped, classes), classes
