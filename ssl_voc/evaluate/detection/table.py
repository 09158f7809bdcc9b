"""Printed table of a detector's evaluation."""

from pipelines.photos import object_sizes
from ssl_voc.evaluate.blind_lines import blind_lines
from ssl_voc.evaluate.detection.blind_rows import MEASURE
from ssl_voc.evaluate.detection.matching import MISTAKES
from ssl_voc.evaluate.detection.summary import AT_THRESHOLD, COCO_SIZES, LABELS
from ssl_voc.evaluate.table_format import format_cell, group_lines, protocol_lines

_TITLES = {
    "blind": "not seeing",
    "at_default": "default",
    "ci": "intervals",
    "per_size": "sizes",
    "per_size_coco": "COCO sizes",
}
_COLUMNS = ("voc07_ap50", "voc10_ap50", "coco_ap", *AT_THRESHOLD)

_ALL_WITH_OBJECTS = (
    "every photo holds an object: false alarms on photos without any are not measured",
    "(docs/evaluate.md#photos-without-objects)",
)


def format_detection(metrics):
    """The measures as an aligned table for people, with what each means under it.

    Args:
        metrics: What `ssl_voc.evaluate.detection.summary.summarize` returns.
    """
    lines = [
        f"{metrics['num_objects']} objects"
        + f" and {metrics['num_difficult']} difficult ones"
        * bool(metrics["num_difficult"])
        + f", {metrics['num_detections']} detections",
        "",
        f"{'':12}  {'figure':>6}  95 % interval",
        *(_line(name, metrics) for name in LABELS if name not in AT_THRESHOLD),
        *blind_lines(metrics.get("blind", {}), MEASURE, LABELS[MEASURE]),
        f"of detections with confidence {metrics['threshold']} or more, chosen on "
        "these photos:",
        *(_line(name, metrics) for name in AT_THRESHOLD),
        _mistakes(metrics["mistakes"]),
        _at_default(metrics["at_default"]),
        *_ALL_WITH_OBJECTS * (not metrics["num_without_objects"]),
        "",
    ]
    sizes = f"size of the object: {object_sizes.SHARES}"
    groups = {"class": metrics["per_class"], sizes: metrics["per_size"]}
    labels = {name: LABELS[name] for name in _COLUMNS}
    lines += group_lines(groups, ("objects", "num_objects"), labels)
    sizes = ", ".join(
        f"{size} {format_cell(row['ap'])}"
        for size, row in metrics["per_size_coco"].items()
    )
    lines += [f"COCO AP by COCO's sizes ({COCO_SIZES}):", f"  {sizes}", ""]
    titles = {**LABELS, **_TITLES}
    return "\n".join([*lines, *protocol_lines(metrics["protocol"], titles)])


def _line(name, metrics):
    interval = f"{name}_ci"
    text = f"{LABELS[name]:12}  {format_cell(metrics[name], 6)}"
    if interval not in metrics:
        return text
    low, high = map(format_cell, metrics[interval])
    return f"{text}  [{low}, {high}]"


def _at_default(metrics):
    parts = []
    for name in ("precision", "recall"):
        low, high = map(format_cell, metrics[f"{name}_ci"])
        parts.append(f"{name} {format_cell(metrics[name])} [{low}, {high}]")
    return f"at {metrics['threshold']:g}, predict's default: {', '.join(parts)}"


def _mistakes(mistakes):
    parts = [f"{mistakes[kind]} {text}" for kind, text in MISTAKES.items()]
    return f"wrong: {', '.join(parts)}\nmissed: {mistakes['missed']} objects"
