"""Rows of the files of a detector's evaluation, written and read."""

import numpy as np

from ssl_voc.cli.errors import BadInput
from ssl_voc.evaluate.detection.matching import IOU_THRESHOLD
from ssl_voc.evaluate.detection.outcomes import corloc_of_photos, count_outcomes
from ssl_voc.evaluate.records import coco_rows
from ssl_voc.metrics.box_rows import BoxRows
from ssl_voc.metrics.detection_matching import Matches
from ssl_voc.runs.json_files import read_jsonl

# Of a detection.
OUTCOMES = ("true", "false", "ignored")


def coco_results(found):
    """Rows of `predictions.json`: a detection each; photos without any have none."""
    rows = found.matches.detections
    image_ids = [found.photos[image].image_id for image in rows.images]
    return coco_rows(image_ids, rows.classes, rows.boxes, found.matches.confidence)


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
    counts = count_outcomes(found, threshold)
    true, false, wanted = (
        part.sum(axis=1) for part in (counts.true, counts.false, counts.wanted)
    )
    corloc = corloc_of_photos(found)
    detections = _rows_by_photo(found, found.matches.detections)
    objects = _rows_by_photo(found, found.matches.objects)
    return [
        {
            "image_id": photo.image_id,
            "source": photo.source,
            "num_true": int(true[index]),
            "num_false": int(false[index]),
            "num_missed": int(wanted[index] - true[index]),
            "corloc": corloc[index],
            "objects": [_object_row(found, row) for row in objects[index]],
            "detections": [_detection_row(found, row) for row in detections[index]],
        }
        for index, photo in enumerate(found.photos)
    ]


def read_image_matches(folder, class_names):
    """Reads `images.jsonl` of a detector's evaluation, to be compared with another's.

    Args:
        folder: Path of the folder that `evaluate` wrote.
        class_names: Names of the classes, as its `metrics.json` lists them.

    Returns:
        `(keys, matches)`: a list of (source, image id), and `Matches` of these photos
        whose detections have no boxes (nan), for `score_matches` and
        `weighted_average_precision`.

    Raises:
        BadInput: when the file is damaged or of another task.
    """
    path = folder / "images.jsonl"
    photos = read_jsonl(path)
    try:
        return _matches_of(photos, list(class_names))
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(
            f"{path}: expected the photos of an evaluation of task detect with classes "
            f"{', '.join(class_names)}; got a row without {error}. Evaluate again."
        ) from error


def _matches_of(photos, class_names):
    parts = {
        kind: [
            (image, place, item)
            for image, photo in enumerate(photos)
            for place, item in enumerate(photo[kind])
        ]
        for kind in ("objects", "detections")
    }

    def rows_of(kind):
        items = parts[kind]
        most = max((place + 1 for _, place, _ in items), default=0)
        return BoxRows(
            np.array([item["box"] for *_, item in items], "float64").reshape(-1, 4)
            if kind == "objects"
            else np.full((len(items), 4), np.nan),
            np.array([class_names.index(i["class"]) for *_, i in items], "int64"),
            np.array([image for image, *_ in items], "int64"),
            np.array([place for _, place, _ in items], "int64"),
            (len(photos), most),
        )

    first = np.cumsum([0] + [len(photo["objects"]) for photo in photos])
    detections = [(image, item) for image, _, item in parts["detections"]]
    matches = Matches(
        detections=rows_of("detections"),
        confidence=np.array([item["score"] for _, item in detections], "float64"),
        objects=rows_of("objects"),
        difficult=np.array([i["difficult"] for *_, i in parts["objects"]], "bool"),
        matched=np.array(
            [
                -1 if item["object"] is None else first[image] + item["object"]
                for image, item in detections
            ],
            "int64",
        ),
        ious=np.array([item["iou"] for _, item in detections], "float64"),
        # The order on difficult objects changes no measure.
        claims=np.array([item["outcome"] == "true" for _, item in detections], "bool"),
        num_classes=len(class_names),
        iou_threshold=IOU_THRESHOLD,
        across_classes=False,
    )
    return [(photo["source"], photo["image_id"]) for photo in photos], matches


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
