"""Objects and predictions of photos as arrays and rows of files."""

import numpy as np


def objects_of(photos, class_names):
    """The objects of photos as padded arrays.

    Args:
        photos: `pipelines.Photos` with objects of `class_names` only.
        class_names: Names of the classes, in the order of their indices.

    Returns:
        Dictionary of `"boxes"` float64 `(num_photos, M, 4)`, xyxy in pixels of the
        photos, `"classes"` int64, `"difficult"` and `"crowd"` bool and `"area"`
        float64, nan where unknown, `(num_photos, M)`; padding is -1.

    Raises:
        ValueError: when an object is of another class.
    """
    most = max((len(photo.objects) for photo in photos), default=0)
    shape = len(photos), most
    arrays = {
        "boxes": np.full((*shape, 4), -1.0),
        "classes": np.full(shape, -1, "int64"),
        "difficult": np.zeros(shape, "bool"),
        "crowd": np.zeros(shape, "bool"),
        "area": np.full(shape, np.nan),
    }
    number_of = {name: number for number, name in enumerate(class_names)}
    for row, photo in enumerate(photos):
        for place, item in enumerate(photo.objects):
            if item.name not in number_of:
                raise ValueError(
                    f"{photo.path_name} shows {item.name!r}, which is none of the "
                    f"{len(number_of)} classes."
                )
            arrays["boxes"][row, place] = item.box
            arrays["classes"][row, place] = number_of[item.name]
            arrays["difficult"][row, place] = item.difficult
            arrays["crowd"][row, place] = item.crowd
            if item.mask_area is not None:
                arrays["area"][row, place] = item.mask_area
    return arrays


def coco_rows(photos, class_names, images, classes, boxes, scores):
    """Rows of `predictions.json`: a box each, in COCO's format of results.

    Where the photos come from one COCO json, images and categories have the ids of that
    json, so that COCO's tools load the rows beside it; `image_name` and `category_name`
    are the names of images.jsonl. A class that the json lacks has a negative id.
    Otherwise `image_id` is the photo's name, `category_id` counts the classes from 0.

    Args:
        photos: `pipelines.Photos`.
        class_names: Names of the classes, in the order of their indices.
        images: Integer array `(n,)`: index of the photo of each box.
        classes: Integer array `(n,)`.
        boxes: Array `(n, 4)`, xyxy in pixels of the original photos; `bbox` is xywh.
        scores: Float array `(n,)`.
    """
    corners = np.round(boxes, 2)
    sides = corners[:, 2:] - corners[:, :2]
    boxes = np.round(np.concatenate([corners[:, :2], sides], axis=1), 2)
    category_ids = _category_ids(photos, class_names)
    rows = []
    columns = images.tolist(), classes.tolist(), boxes.tolist(), scores.tolist()
    for image, label, box, score in zip(*columns, strict=True):
        photo = photos[image]
        row = {"image_id": photo.image_id, "category_id": label}
        names = {}
        if category_ids is not None:
            row["image_id"] = photo.original_ids.image_id
            row["category_id"] = category_ids[label]
            names = {"image_name": photo.image_id, "category_name": class_names[label]}
        rows.append({**row, "bbox": box, "score": score, **names})
    return rows


def _category_ids(photos, class_names):
    """The json's id of each class, or None where the photos are not of one json."""
    ids = [photo.original_ids for photo in photos]
    if None in ids or len({item.path_name for item in ids}) != 1:
        return None
    known = ids[0].category_ids
    return [known.get(name, -1 - label) for label, name in enumerate(class_names)]
