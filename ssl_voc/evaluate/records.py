"""Objects and predictions of photos as arrays and rows of files."""

import numpy as np


def objects_of(photos, class_names):
    """The objects of photos as padded arrays.

    Args:
        photos: `pipelines.Photos` with objects of `class_names` only.
        class_names: Names of the classes, in the order of their indices.

    Returns:
        Dictionary of `"boxes"` float64 `(num_photos, M, 4)`, xyxy in pixels of the
        photos, `"classes"` int64 and `"difficult"` bool `(num_photos, M)`; padding
        is -1.

    Raises:
        ValueError: when an object is of another class.
    """
    most = max((len(photo.objects) for photo in photos), default=0)
    shape = len(photos), most
    arrays = {
        "boxes": np.full((*shape, 4), -1.0),
        "classes": np.full(shape, -1, "int64"),
        "difficult": np.zeros(shape, "bool"),
    }
    for row, photo in enumerate(photos):
        for place, item in enumerate(photo.objects):
            arrays["boxes"][row, place] = item.box
            arrays["classes"][row, place] = class_names.index(item.name)
            arrays["difficult"][row, place] = item.difficult
    return arrays


def coco_rows(image_ids, classes, boxes, scores):
    """Rows of `predictions.json`: a box each, in COCO's format of results.

    Args:
        image_ids: File stem of the photo of each box.
        classes: Integer array `(n,)`: `category_id`, 0-based.
        boxes: Array `(n, 4)`, xyxy in pixels of the original photos; `bbox` is xywh.
        scores: Float array `(n,)`.
    """
    corners = np.round(boxes, 2)
    sides = corners[:, 2:] - corners[:, :2]
    boxes = np.round(np.concatenate([corners[:, :2], sides], axis=1), 2)
    columns = classes.tolist(), boxes.tolist(), scores.tolist()
    return [
        {"image_id": image_id, "category_id": label, "bbox": box, "score": score}
        for image_id, label, box, score in zip(image_ids, *columns, strict=True)
    ]
