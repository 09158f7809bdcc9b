"""Targets of heat maps: the score of a class, a side of a box or one detection."""

import numpy as np
from keras import ops

from ssl_voc import boxes

SIDES = ("x1", "y1", "x2", "y2")


def resolve_target(model, target, num_images):
    """Turns the `target` of `grad_cam` into a function of what the model returns.

    Args:
        model: Keras model.
        target: See `ssl_voc.grad_cam`.
        num_images: Number of images.

    Returns:
        `(score, arrays)`: a function `score(outputs, *arrays)` that gives a tensor
        `(batch,)`, and a tuple of arrays of `num_images` rows, of which it takes those
        of the batch.

    Raises:
        ValueError: when the model has no such target, or not one for each image.
    """
    if callable(target):
        return target, ()
    if target is None:
        return (lambda outputs: ops.max(_per_class(outputs), axis=1)), ()
    if isinstance(target, str):
        return _side_of_box(model, target), ()
    if isinstance(target, dict):
        return _detection(model, target, num_images)
    classes = np.asarray(target)
    if classes.dtype.kind not in "iu" or classes.shape not in ((), (num_images,)):
        raise ValueError(
            "`target` must be None, a class, one class for each image, one of "
            f"{', '.join(SIDES)}, a dictionary of boxes and classes, or a function. "
            f"Received: {target!r} for {num_images} images"
        )
    num_classes = getattr(model, "num_classes", None)
    if num_classes is None and isinstance(getattr(model, "output_shape", None), tuple):
        num_classes = model.output_shape[-1]
    _check_classes(classes, num_classes)
    classes = np.broadcast_to(classes, (num_images,)).astype("int32")
    return _class_score, (classes,)


def _check_classes(classes, num_classes):
    if classes.size and (classes.min() < 0 or classes.max() >= (num_classes or np.inf)):
        raise ValueError(
            f"`target` must be classes from 0 to {num_classes} (exclusive). Received: "
            f"{classes.min()} to {classes.max()}"
        )


def _class_score(outputs, classes):
    return ops.take_along_axis(_per_class(outputs), classes[:, None], axis=1)[:, 0]


def _per_class(outputs):
    """Logits `(batch, num_classes)`; of a detector those of each class's best box."""
    logits = outputs["classes"] if isinstance(outputs, dict) else outputs
    logits = ops.cast(logits, "float32")
    if len(logits.shape) == 3:  # (batch, num_points, num_classes)
        return ops.max(logits, axis=1)
    if len(logits.shape) != 2:
        raise ValueError(
            "A class can be explained where a model returns logits (batch, "
            f"num_classes). Received: {tuple(logits.shape)}. Pass a function of the "
            "outputs as `target`."
        )
    return logits


def _side_of_box(model, side):
    has_one_box = hasattr(model, "bounding_box_format") and not hasattr(
        model, "decode_boxes"
    )
    if side not in SIDES or not has_one_box:
        raise ValueError(
            f"`target` must be one of {', '.join(SIDES)} to explain a side of a "
            'localizer\'s box, or {"boxes", "classes"} to name one of a detector\'s '
            f"many. Received: {side!r} for a {type(model).__name__}"
        )

    def score(outputs):
        corners = boxes.convert_format(
            outputs["boxes"], model.bounding_box_format, "xyxy", model.image_shape
        )
        return corners[:, 0, SIDES.index(side)]

    return score


def _detection(model, target, num_images):
    """The logit of one detection's class at the point that made it."""
    if not hasattr(model, "decode_boxes"):
        raise ValueError(
            "Boxes and classes as `target` name detections of a `Detector`. Received "
            f"them for a {type(model).__name__}."
        )
    if missing := {"boxes", "classes"} - target.keys():
        raise ValueError(
            "`target` must hold boxes and classes of detections. It lacks: "
            f"{', '.join(sorted(missing))}"
        )
    given = np.asarray(target["boxes"], "float32"), np.asarray(target["classes"])
    if given[0].shape != (num_images, 4) or given[1].shape != (num_images,):
        raise ValueError(
            "`target` must hold one detection for each image: boxes (num_images, 4) "
            "and classes (num_images,). Received: "
            f"{given[0].shape} and {given[1].shape} for {num_images} images"
        )
    # Detectors pad what they did not find by -1.
    _check_classes(given[1], model.num_classes)

    def score(outputs, wanted, classes):
        decoded = boxes.clip_boxes(model.decode_boxes(outputs), model.image_shape)
        wanted = boxes.convert_format(
            wanted, model.bounding_box_format, "xyxy", model.image_shape
        )
        logits = ops.take_along_axis(outputs["classes"], classes[:, None, None], axis=2)
        logits = ops.cast(logits[..., 0], "float32")  # (batch, num_points)
        overlap = boxes.elementwise_iou(decoded, wanted[:, None])
        # Neighbors may end in the same box: of those the most confident made it.
        best = ops.max(overlap, axis=1, keepdims=True)
        chosen = ops.where(overlap >= best - 1e-4, logits, -np.inf)
        point = ops.argmax(chosen, axis=1)[:, None]
        return ops.take_along_axis(logits, point, axis=1)[:, 0]

    return score, (given[0], given[1].astype("int32"))
