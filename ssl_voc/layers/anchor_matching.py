"""Assignment of objects to anchors."""

from keras import ops

from ssl_voc import boxes

BACKGROUND = -1.0
IGNORED = -2.0


def match_anchors(objects, anchors, positive_threshold=0.5, negative_threshold=0.4):
    """Gives every anchor an object to find, nothing to find, or no say.

    An anchor learns the object that it overlaps most if their IoU reaches the positive
    threshold; below the negative one it learns that nothing is there; between them it
    learns nothing. Beyond KerasCV's `RetinaNetLabelEncoder`, of which this is the rule,
    the anchor that fits an object best learns it at any IoU, so that no object is left
    unlearned (but one whose best anchor fits another object better), and anchors on
    difficult objects learn nothing; these take no anchor from others.

    Args:
        objects: Dictionary of `"boxes"` `(batch, n, 4)`, xyxy, `"classes"`
            `(batch, n)`, -1 where padded, and optionally `"difficult"` `(batch, n)`.
        anchors: Array `(num_anchors, 4)`, xyxy in the unit of the boxes.
        positive_threshold: IoU from which an anchor learns an object.
        negative_threshold: IoU below which an anchor learns that nothing is there.

    Returns:
        Dictionary of float32 tensors `"boxes"` `(batch, num_anchors, 4)`, xyxy, those
        of the anchors themselves where nothing is to be found, and `"classes"`
        `(batch, num_anchors)`: the class, `BACKGROUND` or `IGNORED`.

    Reference:
        - [Lin et al., 2017](https://arxiv.org/abs/1708.02002), section 4
        - [Ren et al., 2015](https://arxiv.org/abs/1506.01497), section 3.1.2, rule (i)
    """
    anchors = ops.convert_to_tensor(anchors, dtype="float32")
    boxes_true = ops.cast(ops.convert_to_tensor(objects["boxes"]), "float32")
    classes_true = ops.cast(ops.convert_to_tensor(objects["classes"]), "float32")
    exists = boxes.is_object(classes_true)
    # An object without area, such as padding, overlaps nothing.
    exists = ops.logical_and(exists, boxes.box_areas(boxes_true) > boxes.SMALLEST_AREA)
    ious = boxes.pairwise_iou(anchors[None], boxes_true)  # (batch, num_anchors, n)
    ious = ops.where(exists[:, None], ious, -1.0)
    best_object = ops.argmax(ious, axis=2)
    best_iou = ops.max(ious, axis=2)

    difficult = ops.zeros_like(exists)
    if "difficult" in objects:
        difficult = ops.cast(objects["difficult"], "int32") > 0

    # The best anchor of each object, as a mask (batch, num_anchors, n).
    best_anchor = ops.argmax(ious, axis=1)  # (batch, n)
    is_best = (
        ops.arange(anchors.shape[0])[None, :, None]
        == ops.cast(best_anchor, "int32")[:, None]
    )
    is_best = ops.logical_and(is_best, exists[:, None])
    forced = ops.logical_and(is_best, ops.logical_not(difficult)[:, None])
    is_forced = ops.any(forced, axis=2)
    # Of several objects that claim an anchor, it takes the one it overlaps most.
    forced_object = ops.argmax(ops.where(forced, ious, -1.0), axis=2)
    matched = ops.where(is_forced, forced_object, best_object)

    positive = ops.logical_or(is_forced, best_iou >= positive_threshold)
    # What is the best anchor of difficult objects alone, is not forced.
    near = ops.logical_or(best_iou >= negative_threshold, ops.any(is_best, axis=2))
    unclear = ops.logical_and(ops.logical_not(positive), near)
    classes = ops.take_along_axis(classes_true, matched, axis=1)
    difficult = ops.take_along_axis(ops.cast(difficult, "int32"), matched, axis=1) > 0
    unclear = ops.logical_or(unclear, ops.logical_and(positive, difficult))
    classes = ops.where(positive, classes, BACKGROUND)
    classes = ops.where(unclear, IGNORED, classes)
    found = ops.take_along_axis(boxes_true, matched[..., None], axis=1)
    return {
        "boxes": ops.where(boxes.is_object(classes)[..., None], found, anchors[None]),
        "classes": classes,
    }
