"""Assignment of objects to the points that are to find them."""

from keras import ops

from ssl_voc import boxes

BACKGROUND = -1.0
IGNORED = -2.0
# Of score and IoU in the alignment of a point with an object.
_CLASS_POWER, _BOX_POWER = 0.5, 6.0
# Keeps the alignment of points above 0 in float32, whatever its exponents.
_EPSILON = 1e-4


def assign_objects(objects, predictions, points, num_candidates=10, min_side=0.0):
    """Gives every point an object to find, background, or leaves it out of the loss.

    Of the points inside an object (its nearest point, where none is), those learn it
    whose predictions suit it best: by `score ** 0.5 * iou ** 6`, the score that of its
    class and the IoU that of their box. A point that is a candidate of several objects
    learns the one its box overlaps most. How sure of the class it shall be, its
    quality, grows with that measure, up to the best IoU that any point has with the
    object: a score then tells of the box, too.

    Objects that are difficult take part, and what would learn them, or lies in them
    and learns nothing else, is ignored.

    Args:
        objects: Dictionary of `"boxes"` `(batch, n, 4)`, xyxy, `"classes"`
            `(batch, n)`, -1 where padded, and optionally `"difficult"` `(batch, n)`.
        predictions: Dictionary of `"boxes"` `(batch, num_points, 4)`, xyxy, and
            `"scores"` `(batch, num_points, num_classes)` in `[0, 1]`.
        points: Array `(num_points, 2)`, x and y in the unit of the boxes.
        num_candidates: Number of points that learn an object, at most; more where
            several agree with it exactly as well as the last of them.
        min_side: Width and height that an object's box has at least where points are
            looked for inside it, in the unit of the boxes.

    Returns:
        Dictionary of float32 tensors `"boxes"` `(batch, num_points, 4)`, xyxy, those
        predicted where nothing is to be found, `"classes"` `(batch, num_points)`: the
        class, `BACKGROUND` or `IGNORED`, and `"quality"` `(batch, num_points)` in
        `[0, 1]`, 0 where nothing is to be found. No gradient flows through them.

    Reference:
        - [Feng et al., 2021](https://arxiv.org/abs/2108.07755), section 3.2, with the
          powers, the candidates and the normalization of Ultralytics' YOLOv8
    """
    found = ops.stop_gradient(ops.cast(predictions["boxes"], "float32"))
    scores = ops.stop_gradient(ops.cast(predictions["scores"], "float32"))
    points = ops.convert_to_tensor(points)
    boxes_true = ops.cast(ops.convert_to_tensor(objects["boxes"]), "float32")
    classes_true = ops.cast(ops.convert_to_tensor(objects["classes"]), "float32")
    exists = boxes.is_object(classes_true)
    exists = ops.logical_and(exists, boxes.box_areas(boxes_true) > boxes.SMALLEST_AREA)

    # Tensors (batch, n, num_points) from here on.
    inside = _points_inside(boxes_true, points, min_side)
    inside = ops.logical_and(inside, exists[..., None])
    ious = ops.where(inside, boxes.pairwise_iou(boxes_true, found), 0.0)
    num_classes = scores.shape[-1]
    labels = ops.clip(ops.cast(classes_true, "int32"), 0, num_classes - 1)
    labels = ops.one_hot(labels, num_classes)
    scores = ops.matmul(labels, ops.transpose(scores, (0, 2, 1)))
    alignment = ops.power(ops.maximum(scores, _EPSILON), _CLASS_POWER)
    alignment = alignment * ops.power(ops.maximum(ious, _EPSILON), _BOX_POWER)
    alignment = ops.where(inside, alignment, 0.0)
    best = ops.top_k(alignment, min(num_candidates, points.shape[0]))[0]
    is_candidate = ops.logical_and(inside, alignment >= best[..., -1:])
    is_candidate = ops.logical_and(is_candidate, alignment > 0.0)

    # Each point learns one object.
    chosen = ops.argmax(ops.where(is_candidate, ious + _EPSILON, 0.0), axis=1)
    positive = ops.any(is_candidate, axis=1)
    number = ops.shape(boxes_true)[1]
    learns = ops.logical_and(
        ops.one_hot(chosen, number, axis=1, dtype="bool"), is_candidate
    )
    alignment = ops.where(learns, alignment, 0.0)
    most = ops.max(alignment, axis=2, keepdims=True)
    best_iou = ops.max(ops.where(learns, ious, 0.0), axis=2, keepdims=True)
    quality = alignment / ops.where(most > 0.0, most, 1.0) * best_iou
    quality = ops.max(quality, axis=1)

    classes = ops.take_along_axis(classes_true, chosen, axis=1)
    classes = ops.where(positive, classes, BACKGROUND)
    if "difficult" in objects:
        difficult = ops.cast(objects["difficult"], "int32") > 0
        in_difficult = ops.any(ops.logical_and(inside, difficult[..., None]), axis=1)
        own = ops.take_along_axis(ops.cast(difficult, "int32"), chosen, axis=1) > 0
        unclear = ops.where(positive, own, in_difficult)
        classes = ops.where(unclear, IGNORED, classes)
    learned = boxes.is_object(classes)
    corners = ops.take_along_axis(boxes_true, chosen[..., None], axis=1)
    return {
        "boxes": ops.where(learned[..., None], corners, found),
        "classes": classes,
        "quality": ops.stop_gradient(ops.where(learned, quality, 0.0)),
    }


def _points_inside(boxes_true, points, min_side):
    """Which points lie in which boxes: bool `(batch, n, num_points)`.

    A box too small or too far out to hold one has the point nearest to its center.
    """
    left, top, right, bottom = (boxes_true[..., side, None] for side in range(4))
    x = points[:, 0] - (left + right) / 2
    y = points[:, 1] - (top + bottom) / 2
    widths = ops.maximum(right - left, min_side)
    heights = ops.maximum(bottom - top, min_side)
    inside = ops.logical_and(ops.abs(x) < widths / 2, ops.abs(y) < heights / 2)
    distances = ops.square(x) + ops.square(y)
    nearest = ops.one_hot(ops.argmin(distances, axis=-1), points.shape[0], dtype="bool")
    holds_none = ops.logical_not(ops.any(inside, axis=-1, keepdims=True))
    return ops.logical_or(inside, ops.logical_and(holds_none, nearest))
