"""Matches of a detector's evaluation, read back from its `images.jsonl`."""

import numpy as np

from ssl_voc.cli.errors import BadInput
from ssl_voc.evaluate.detection.matching import IOU_THRESHOLD
from ssl_voc.metrics.box_rows import BoxRows
from ssl_voc.metrics.detection_matching import Matches
from ssl_voc.runs.json_files import read_jsonl


def read_image_matches(folder, class_names, kept=None):
    """Reads `images.jsonl` of a detector's evaluation, to be compared with another's.

    Args:
        folder: Path of the folder that `evaluate` wrote.
        class_names: Names of the classes, as its `metrics.json` lists them.
        kept: Optional list of (source, image id): the photos to read, in this order.

    Returns:
        `(keys, matches)`: a list of (source, image id), and `Matches` of these photos
        whose detections have no boxes (nan), for `score_matches` and
        `paired_average_precision`.

    Raises:
        BadInput: when the file is damaged or of another task.
    """
    path = folder / "images.jsonl"
    photos = read_jsonl(path)
    try:
        if kept is not None:
            by_photo = {(p["source"], p["image_id"]): p for p in photos}
            photos = [by_photo[photo] for photo in kept]
        return _matches_of(photos, list(class_names))
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(
            f"{path}: expected the photos of an evaluation of task detect with classes "
            f"{', '.join(class_names)}; a row cannot be read: {error}. Evaluate again."
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
