"""Rows of the files of a detector's evaluation."""

import numpy as np

from ssl_voc.evaluate.detection.outcomes import corloc_of_photos, count_outcomes
from ssl_voc.evaluate.records import coco_rows

# Of a detection.
OUTCOMES = ("true", "false", "ignored")


def coco_results(found):
    """Rows of `predictions.json`: a detection each; photos without any have none."""
    rows = found.matches.detections
    columns = rows.images, rows.classes, rows.boxes, found.matches.confidence
    return coco_rows(found.photos, found.class_names, *columns)


def image_rows(found, threshold):
    """Rows of `images.jsonl`: the objects, detections and matches of each photo.

    Args:
        found: `ssl_voc.evaluate.detection.matching.Detections`.
        threshold: Confidence from which on `num_true`, `num_false` and `num_missed`
            count; all else is of all detections.

    Returns:
        List of dictionaries. `"object"` of a detection is the index among the photo's
        objects of the one of its class that it overlaps most, by more than 0.5, else
        None; `"outcome"` is one of `OUTCOMES`.
    """
    counts = count_outcomes(found, threshold).sum(axis=1)
    corloc = corloc_of_photos(found)
    detections = _rows_by_photo(found, found.matches.detections)
    objects = _rows_by_photo(found, found.matches.objects)
    return [
        {
            "image_id": photo.image_id,
            "source": photo.source,
            "num_true": int(counts.true[index]),
            "num_false": int(counts.false[index]),
            "num_missed": int(counts.wanted[index] - counts.true[index]),
            "corloc": corloc[index],
            "objects": [_object_row(found, row) for row in objects[index]],
            "detections": [_detection_row(found, row) for row in detections[index]],
        }
        for index, photo in enumerate(found.photos)
    ]


def _rows_by_photo(found, rows):
    """Lists of row numbers, one for each photo."""
    ends = np.cumsum(found.count_by_photo(rows.images))[:-1]
    return np.split(np.arange(len(rows.images)), ends)


def _object_row(found, row):
    objects = found.matches.objects
    return {
        "class": found.class_names[objects.classes[row]],
        "box": np.round(objects.boxes[row], 2),
        "size": str(found.object_sizes[row]),
        "difficult": bool(found.matches.difficult[row]),
    }


def _detection_row(found, row):
    matches = found.matches
    at = matches.matched[row]
    outcome = OUTCOMES[0 if found.is_true[row] else 2 if found.is_ignored[row] else 1]
    return {
        "class": found.class_names[matches.detections.classes[row]],
        "score": float(matches.confidence[row]),
        "object": None if at < 0 else int(matches.objects.places[at]),
        "iou": round(float(matches.ious[row]), 4),
        "outcome": outcome,
    }
