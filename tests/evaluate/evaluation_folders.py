"""Folders as `evaluate` writes them, as far as comparisons read them."""

import json

from ssl_voc.evaluate.detection.records import image_rows
from ssl_voc.runs.json_files import to_json
from tests.evaluate.detection.cases import NAMES


def write_detections(folder, found, num_empty=0, **metrics):
    """An evaluation of a detector, whose first photos may have no detection."""
    rows = image_rows(found, 0.5)
    for row in rows[:num_empty]:
        row["detections"] = []
    return write_evaluation(folder, rows, class_names=list(NAMES), **metrics)


def write_evaluation(folder, rows, **metrics):
    """An evaluation of some rows of photos."""
    folder.mkdir(parents=True)
    text = "".join(to_json(row) + "\n" for row in rows)
    (folder / "images.jsonl").write_text(text)
    metrics = {"num_images": len(rows), **metrics}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    report_leaks(folder, [])
    return folder


def report_leaks(folder, indices, labelled=True):
    """What `evaluate` writes of the photos that a training saw."""
    part = {"labelled": labelled, "photos": [{"index": index} for index in indices]}
    (folder / "data_report.json").write_text(json.dumps({"leakages": [part]}))
