"""Boxes: formats, areas and overlap.

Tensors are float32 whatever the policy: float16 cannot tell two pixels apart past
2,048, and the area of a box of 256 x 256 pixels overflows it.
"""

import numpy as np
from keras import ops

# As KerasCV names them. "rel" is in shares of the image's width and height.
FORMATS = (
    "xyxy",
    "yxyx",
    "xywh",
    "center_xywh",
    "center_yxhw",
    "rel_xyxy",
    "rel_yxyx",
    "rel_xywh",
)
# Class and coordinates of the rows that pad an image with fewer objects.
PADDING = -1.0
# Areas below this, in any unit in use, count as none.
SMALLEST_AREA = 1e-12


def check_format(bounding_box_format):
    """Raises unless the format is one of `FORMATS`."""
    if bounding_box_format not in FORMATS:
        raise ValueError(
            f"`bounding_box_format` must be one of {', '.join(FORMATS)}. "
            f"Received: {bounding_box_format!r}"
        )


def corner_format(bounding_box_format):
    """The format of corners in the unit of another one: `"xyxy"` or `"rel_xyxy"`."""
    return "rel_xyxy" if bounding_box_format.startswith("rel_") else "xyxy"


def convert_format(boxes, source, target, image_shape=None):
    """Rewrites boxes in another format.

    Rows of padding are converted like all others and mean nothing: it is their class,
    -1, that marks them.

    Args:
        boxes: Tensor `(..., 4)`.
        source: Format of `boxes`, one of `FORMATS`.
        target: Format of the result.
        image_shape: Height and width in pixels, a tuple, or a tensor that broadcasts
            to `(..., 2)`; needed between pixels and shares of the image.

    Returns:
        Float32 tensor `(..., 4)`.

    Raises:
        ValueError: when a format is unknown or the image's shape is missing.
    """
    check_format(source)
    check_format(target)
    boxes = ops.cast(ops.convert_to_tensor(boxes), "float32")
    if source == target:
        return boxes
    boxes = _to_xyxy(boxes, source.removeprefix("rel_"))
    if source.startswith("rel_") != target.startswith("rel_"):
        if image_shape is None:
            raise ValueError(
                f"From {source} to {target} `image_shape` is needed: height and width "
                "in pixels. Received: image_shape=None"
            )
        shape = ops.cast(ops.convert_to_tensor(image_shape), "float32")
        scale = ops.stack([shape[..., 1], shape[..., 0]] * 2, axis=-1)
        boxes = boxes / scale if target.startswith("rel_") else boxes * scale
    return _from_xyxy(boxes, target.removeprefix("rel_"))


def _to_xyxy(boxes, source):
    a, b, c, d = (boxes[..., i] for i in range(4))
    if source == "yxyx":
        a, b, c, d = b, a, d, c
    elif source == "xywh":
        c, d = a + c, b + d
    elif source.startswith("center_"):
        if source == "center_yxhw":
            a, b, c, d = b, a, d, c
        a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    return ops.stack([a, b, c, d], axis=-1)


def _from_xyxy(boxes, target):
    a, b, c, d = (boxes[..., i] for i in range(4))
    if target == "yxyx":
        a, b, c, d = b, a, d, c
    elif target == "xywh":
        c, d = c - a, d - b
    elif target.startswith("center_"):
        a, b, c, d = (a + c) / 2, (b + d) / 2, c - a, d - b
        if target == "center_yxhw":
            a, b, c, d = b, a, d, c
    return ops.stack([a, b, c, d], axis=-1)


def corners_of_pair(boxes_true, boxes_pred, bounding_box_format):
    """Corners of targets and predictions, in the unit they came in.

    Args:
        boxes_true: Tensor `(..., 4)`.
        boxes_pred: Tensor `(..., 4)` of the same shape.
        bounding_box_format: Format of both.

    Returns:
        Tuple of two float32 tensors `(..., 4)`: x1, y1, x2, y2, in pixels or, where the
        format is relative, in shares of the image.

    Raises:
        ValueError: when the shapes differ: broadcasting would compare each box with
            those of other images.
    """
    pair = [
        convert_format(side, bounding_box_format, corner_format(bounding_box_format))
        for side in (boxes_true, boxes_pred)
    ]
    shapes = [tuple(side.shape) for side in pair]
    differ = len(shapes[0]) != len(shapes[1]) or any(
        None not in sides and sides[0] != sides[1]
        for sides in zip(*shapes, strict=True)
    )
    if differ or shapes[0][-1] != 4:
        raise ValueError(
            "Targets and predictions must both have shape (..., 4), a target for each "
            f"prediction. Received: y_true.shape={shapes[0]}, y_pred.shape={shapes[1]}"
        )
    return pair


def is_object(classes):
    """Tells objects from padding: bool tensor, true where the class is 0 or above."""
    return ops.convert_to_tensor(classes) >= 0


def clip_boxes(boxes, image_shape):
    """Cuts xyxy boxes in pixels at the border of the image, `(height, width)`."""
    boxes = convert_format(boxes, "xyxy", "xyxy")
    height, width = image_shape
    x, y = ops.clip(boxes[..., 0::2], 0, width), ops.clip(boxes[..., 1::2], 0, height)
    return ops.stack([x[..., 0], y[..., 0], x[..., 1], y[..., 1]], axis=-1)


def box_areas(boxes):
    """Areas `(...)` of xyxy boxes `(..., 4)`; 0 where a side is not positive."""
    boxes = convert_format(boxes, "xyxy", "xyxy")
    sides = ops.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    return sides[..., 0] * sides[..., 1]


def intersection_areas(boxes_a, boxes_b):
    """Areas `(...)` of the common parts of xyxy boxes; the shapes broadcast.

    One coordinate at a time: all pairs of points and objects need no tensor of boxes.
    """
    boxes_a = convert_format(boxes_a, "xyxy", "xyxy")
    boxes_b = convert_format(boxes_b, "xyxy", "xyxy")
    area = 1.0
    for start, end in ((0, 2), (1, 3)):
        ends = ops.minimum(boxes_a[..., end], boxes_b[..., end])
        starts = ops.maximum(boxes_a[..., start], boxes_b[..., start])
        area = area * ops.maximum(ends - starts, 0.0)
    return area


def enclosing_boxes(boxes_a, boxes_b):
    """The smallest xyxy boxes `(..., 4)` around two of `(..., 4)`, row by row."""
    starts = ops.minimum(boxes_a[..., :2], boxes_b[..., :2])
    ends = ops.maximum(boxes_a[..., 2:], boxes_b[..., 2:])
    return ops.concatenate([starts, ends], axis=-1)


def share_of_area(parts, areas):
    """`parts / areas`, both `(...)`; 0, with a gradient of 0, where no area is."""
    exists = areas > SMALLEST_AREA
    # The second `where` keeps the division that is not used from giving nan gradients.
    return ops.where(exists, parts / ops.where(exists, areas, 1.0), 0.0)


def elementwise_iou(boxes_a, boxes_b):
    """Intersection over union of the boxes of two tensors, row by row.

    Args:
        boxes_a: Tensor `(..., 4)`, xyxy in any unit.
        boxes_b: Tensor `(..., 4)`, xyxy; the shapes broadcast.

    Returns:
        Float32 tensor `(...)` in `[0, 1]`; 0 where neither box has an area, or a corner
        is not a number.
    """
    return iou_and_union(boxes_a, boxes_b)[0]


def iou_and_union(boxes_a, boxes_b):
    """`elementwise_iou`, and the areas of the unions."""
    common = intersection_areas(boxes_a, boxes_b)
    unions = box_areas(boxes_a) + box_areas(boxes_b) - common
    return share_of_area(common, unions), unions


def pairwise_iou(boxes_a, boxes_b):
    """Intersection over union of every box of one tensor with every box of another.

    Args:
        boxes_a: Tensor `(..., n, 4)`, xyxy in any unit.
        boxes_b: Tensor `(..., m, 4)`, xyxy.

    Returns:
        Float32 tensor `(..., n, m)`.
    """
    return elementwise_iou(
        ops.expand_dims(boxes_a, axis=-2), ops.expand_dims(boxes_b, axis=-3)
    )


def box_ious(boxes_a, boxes_b):
    """Intersection over union of xyxy boxes, elementwise, by NumPy in float64.

    Args:
        boxes_a: Array `(..., 4)`, in pixels.
        boxes_b: Array `(..., 4)`; the shapes broadcast.

    Returns:
        Float64 array `(...)`; 0 where neither box has an area or a number is missing.
    """
    boxes_a, boxes_b = np.asarray(boxes_a, "float64"), np.asarray(boxes_b, "float64")
    starts = np.maximum(boxes_a[..., :2], boxes_b[..., :2])
    ends = np.minimum(boxes_a[..., 2:], boxes_b[..., 2:])
    common = np.prod(np.maximum(ends - starts, 0.0), axis=-1)
    areas = [
        np.prod(np.maximum(side[..., 2:] - side[..., :2], 0.0), axis=-1)
        for side in (boxes_a, boxes_b)
    ]
    unions = areas[0] + areas[1] - common
    exists = unions > 0.0  # false for nan
    return np.where(exists, common / np.where(exists, unions, 1.0), 0.0)
