"""Measures of a localizer's evaluation, read back from its `images.jsonl`."""

import numpy as np

from ssl_voc.evaluate.localization.measures import LABELS
from ssl_voc.runs.json_files import read_jsonl


def read_image_measures(folder, kept=None):
    """Reads `images.jsonl` of an evaluation, to be compared with another's.

    Args:
        folder: Path of the folder that `evaluate` wrote.
        kept: Optional list of (source, image id): the photos to read, in this order.

    Returns:
        `(keys, measures)`: a list of (source, image id) and a dictionary of float64
        arrays in that order, for `ssl_voc.metrics.paired_bootstrap`.
    """
    rows = read_jsonl(folder / "images.jsonl")
    if kept is not None:
        by_photo = {(row["source"], row["image_id"]): row for row in rows}
        rows = [by_photo[photo] for photo in kept]
    names = [name for name in LABELS if rows and name in rows[0]]
    measures = {
        # null stands for nan
        name: np.array([row[name] for row in rows], "float64")
        for name in names
    }
    return [(row["source"], row["image_id"]) for row in rows], measures
