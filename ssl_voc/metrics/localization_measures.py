"""Measures of localization, image by image."""

import numpy as np

from ssl_voc.boxes import box_ious

# Of three classes, the three best are all.
FEWEST_CLASSES_FOR_TOP3 = 4


def top_k_hits(classes_true, scores, k):
    """Whether the true class is among the k highest scores, image by image.

    The true class has to be ahead: one that ties counts as behind, so constant scores
    hit nothing as long as there are more than k classes; scores that are not numbers
    likewise. (Keras' `SparseTopKCategoricalAccuracy` counts ties as hits.)

    Args:
        classes_true: Integer array `(num_images,)`.
        scores: Float array `(num_images, num_classes)`.
        k: Number of classes that an image may name.

    Returns:
        Float64 array `(num_images,)` of 0 and 1.
    """
    scores = np.asarray(scores, "float64")
    rows = np.asarray(classes_true, "int64")[:, None]
    own = np.take_along_axis(scores, rows, axis=1)
    num_not_below = np.sum(~(scores < own), axis=1)  # itself included
    return (num_not_below <= k).astype("float64")


def measure_images(
    classes_true, boxes_true, scores, boxes_pred, object_boxes=None, object_classes=None
):
    """Measures of the class and the box that were predicted for each image.

    Boxes are xyxy in pixels of the original image.

    Args:
        classes_true: Integer array `(num_images,)`: the class of the largest object
            that is not difficult.
        boxes_true: Array `(num_images, 4)`: its box.
        scores: Float array `(num_images, num_classes)`.
        boxes_pred: Array `(num_images, 4)`.
        object_boxes: Optional array `(num_images, max_objects, 4)`: all objects, at
            least one in each image.
        object_classes: Their classes `(num_images, max_objects)`, -1 where padded.

    Returns:
        Dictionary of float64 arrays `(num_images,)`: `"top1"`; `"top3"` from four
        classes on; `"mean_iou"`; `"loc_acc_50"` and `"loc_acc_70"`, IoU strictly above
        0.5 and 0.7 whatever the predicted class; and, given the objects, `"corloc"`,
        IoU above 0.5 with any of them.

    Raises:
        ValueError: when the numbers of images differ, or a class has no score.
    """
    classes_true = np.asarray(classes_true, "int64")
    boxes_true, boxes_pred = np.asarray(boxes_true), np.asarray(boxes_pred)
    scores = np.asarray(scores)
    _check(classes_true, boxes_true, scores, boxes_pred)
    measures = {"top1": top_k_hits(classes_true, scores, 1)}
    if scores.shape[1] >= FEWEST_CLASSES_FOR_TOP3:
        measures["top3"] = top_k_hits(classes_true, scores, 3)
    ious = box_ious(boxes_true, boxes_pred)
    measures["mean_iou"] = ious
    measures["loc_acc_50"] = (ious > 0.5).astype("float64")
    measures["loc_acc_70"] = (ious > 0.7).astype("float64")
    if object_boxes is not None:
        is_hit = box_ious(object_boxes, boxes_pred[:, None]) > 0.5
        is_hit &= np.asarray(object_classes) >= 0
        measures["corloc"] = np.any(is_hit, axis=1).astype("float64")
    return measures


def _check(classes_true, boxes_true, scores, boxes_pred):
    shapes = [a.shape for a in (classes_true, boxes_true, scores, boxes_pred)]
    num_images, num_classes = len(classes_true), scores.shape[-1]
    one_each = [(num_images, *rest) for rest in ((), (4,), (num_classes,), (4,))]
    if shapes != one_each:
        raise ValueError(
            "Classes (num_images,), boxes (num_images, 4), scores (num_images, "
            "num_classes) and predicted boxes (num_images, 4) must be of the same "
            f"images. Received shapes: {', '.join(map(str, shapes))}"
        )
    if num_images and classes_true.max() >= num_classes:
        raise ValueError(
            f"Every class needs a score. Received: class {classes_true.max()} and "
            f"scores of {num_classes} classes"
        )
