"""False alarms of a detector on photos that show no object."""

import numpy as np

from ssl_voc.evaluate.table_format import format_cell, protocol_lines
from ssl_voc.metrics import bootstrap_interval

CONFIDENCES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
NUM_RESAMPLES = 2_000
PROTOCOLS = {
    "false_alarms": "detections of at least that confidence on photos without any "
    "object, each of them false; how many objects are found these photos cannot tell",
    "ci": f"95 % percentile bootstrap over photos, {NUM_RESAMPLES:,} resamples",
}


def count_false_alarms(found, seed=0):
    """False alarms by confidence.

    Args:
        found: `ssl_voc.evaluate.detection.matching.Detections` of photos without
            objects.
        seed: Seed of the bootstrap.

    Returns:
        Dictionary from each of `CONFIDENCES`, as text, to a dictionary of
        `"num_false"`, its mean `"per_photo"` with `"per_photo_ci"`, and of
        `"num_photos"`, those with at least one.
    """
    rows = {}
    for confidence in CONFIDENCES:
        kept = found.is_false & found.is_kept(confidence)
        counts = found.count_by_photo(found.matches.detections.images[kept])
        mean = bootstrap_interval(
            counts.astype("float64"), num_resamples=NUM_RESAMPLES, seed=seed
        )
        rows[f"{confidence:g}"] = {
            "num_false": int(counts.sum()),
            "per_photo": mean.mean,
            "per_photo_ci": [mean.low, mean.high],
            "num_photos": int(np.count_nonzero(counts)),
        }
    return rows


def format_false_alarms(metrics):
    """The rows as an aligned table for people, with what they mean under it."""
    num_photos = metrics["num_images"]
    heads = ("false alarms", "a photo", "95 % interval ", "photos with any")
    lines = [
        "photos without objects only: no average precision, but false alarms",
        "",
        f"{'confidence':14}" + "  ".join(heads),
    ]
    for confidence, row in metrics["false_alarms"].items():
        low, high = map(format_cell, row["per_photo_ci"])
        cells = (
            f"{row['num_false']:{len(heads[0])}}",
            format_cell(row["per_photo"], len(heads[1])),
            f"[{low}, {high}]".ljust(len(heads[2])),
            f"{row['num_photos']} of {num_photos}",
        )
        lines.append(f"{confidence + ' or more':14}" + "  ".join(cells))
    titles = {"false_alarms": "false alarms", "ci": "intervals"}
    return "\n".join([*lines, "", *protocol_lines(metrics["protocol"], titles)])
