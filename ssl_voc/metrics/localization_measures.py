"""The measures of localization, image by image: what evaluation averages."""

import numpy as np

# With fewer classes the three best scores say nothing.
FEWEST_CLASSES_FOR_TOP3 = 3


def box_ious(boxes_a, boxes_b):
    """Intersection over union of xyxy boxes, elementwise, in float64.

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
    """Measures the class and the box that were predicted for each image.

    Boxes are xyxy in pixels of the original image. An image without target (class -1)
    has nan in every measure that needs one, for `mean_by_group` and the bootstrap to
    leave out. Class 0 is a class.

    Args:
        classes_true: Integer array `(num_images,)`: the class of the largest object
            that is not difficult, -1 where there is none.
        boxes_true: Array `(num_images, 4)`: its box.
        scores: Float array `(num_images, num_classes)`.
        boxes_pred: Array `(num_images, 4)`.
        object_boxes: Optional array `(num_images, max_objects, 4)`: all objects.
        object_classes: Their classes `(num_images, max_objects)`, -1 where padded.

    Returns:
        Dictionary of float64 arrays `(num_images,)`: `"top1"`; `"top3"` from three
        classes on; `"mean_iou"`; `"loc_acc_50"` and `"loc_acc_70"`, IoU strictly above
        0.5 and 0.7 whatever the predicted class; and, given the objects, `"corloc"`,
        IoU above 0.5 with any of them.

    Raises:
        ValueError: when the numbers of images differ, or a class has no score.
    """
    classes_true = np.asarray(classes_true).astype("int64")
    boxes_true, boxes_pred = np.asarray(boxes_true), np.asarray(boxes_pred)
    scores = np.asarray(scores)
    _check(classes_true, boxes_true, scores, boxes_pred)
    has_target = classes_true >= 0
    known = np.maximum(classes_true, 0)
    measures = {"top1": top_k_hits(known, scores, 1)}
    if scores.shape[1] >= FEWEST_CLASSES_FOR_TOP3:
        measures["top3"] = top_k_hits(known, scores, 3)
    ious = box_ious(boxes_true, boxes_pred)
    measures["mean_iou"] = ious
    measures["loc_acc_50"] = (ious > 0.5).astype("float64")
    measures["loc_acc_70"] = (ious > 0.7).astype("float64")
    measures = {
        name: np.where(has_target, values, np.nan) for name, values in measures.items()
    }
    if object_boxes is not None:
        is_object = np.asarray(object_classes) >= 0
        ious = box_ious(object_boxes, boxes_pred[:, None])
        found = np.any((ious > 0.5) & is_object, axis=1).astype("float64")
        measures["corloc"] = np.where(np.any(is_object, axis=1), found, np.nan)
    return measures


def mean_by_group(measures, groups=None):
    """Means over the images of each group.

    Args:
        measures: Dictionary of arrays `(num_images,)`, of the form of `measure_images`.
        groups: Optional sequence `(num_images,)` of each image's group, such as the
            name of its class, the size of its object, or whether it is truncated; an
            image whose group is `None` is in none. Without it all images are one.

    Returns:
        Dictionary from each group, in ascending order, to a dictionary of
        `"num_images"`, those that any measure counts, and the mean of each measure (nan
        where no image has it). Without `groups` that dictionary alone.
    """
    if groups is None:
        return _means(measures, slice(None))
    groups = list(groups)
    num_images = len(next(iter(measures.values())))
    if len(groups) != num_images:
        raise ValueError(
            "Every image needs a group (`None` for none). Received: "
            f"{len(groups)} groups of {num_images} images"
        )
    return {
        name: _means(measures, [i for i, group in enumerate(groups) if group == name])
        for name in sorted({group for group in groups if group is not None})
    }


def _means(measures, chosen):
    parts = {name: values[chosen] for name, values in measures.items()}
    counted = np.any([~np.isnan(values) for values in parts.values()], axis=0)
    means = {
        name: float(np.mean(values[~np.isnan(values)], dtype="float64"))
        if np.any(~np.isnan(values))
        else np.nan
        for name, values in parts.items()
    }
    return {"num_images": int(np.sum(counted)), **means}


def _check(classes_true, boxes_true, scores, boxes_pred):
    shapes = [a.shape for a in (classes_true, boxes_true, scores, boxes_pred)]
    num_images = len(classes_true)
    num_classes = scores.shape[-1]
    if shapes != [
        (num_images,),
        (num_images, 4),
        (num_images, num_classes),
        (num_images, 4),
    ]:
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
