"""Printed table of a localizer's evaluation."""

from pipelines.photos import object_sizes
from ssl_voc.evaluate.blind_lines import blind_lines
from ssl_voc.evaluate.localization.blind_rows import MEASURE
from ssl_voc.evaluate.localization.measures import LABELS, TRUNCATION
from ssl_voc.evaluate.table_format import group_lines, protocol_lines

_TITLES = {"blind": "not seeing", "ci": "intervals", "per_size": "sizes"}


def format_localization(metrics):
    """The measures as an aligned table for people, with what each means under it."""
    names = [name for name in LABELS if name in metrics]
    baseline = metrics["baseline"]
    lines = [f"{'':12}  {'figure':>6}  {'95 % interval':16}baseline"]
    for name in names:
        low, high = metrics[f"{name}_ci"]
        kind = "majority class" if name.startswith("top") else "whole photo"
        kind += "es" * (name == "top3")
        lines.append(
            f"{LABELS[name]:12}  {metrics[name]:6.3f}  [{low:.3f}, {high:.3f}]  "
            f"{baseline[name]:.3f} {kind}"
        )
    lines += blind_lines(metrics.get("blind", {}), MEASURE, LABELS[MEASURE])
    sizes = f"size of the target: {object_sizes.SHARES}"
    parts = {"class": "per_class", sizes: "per_size"}
    if metrics["truncated"][TRUNCATION[0]]["num_images"]:
        parts["truncated target"] = "truncated"
    groups = {title: metrics[key] for title, key in parts.items()}
    labels = {name: LABELS[name] for name in names}
    lines += ["", *group_lines(groups, ("photos", "num_images"), labels)]
    lines += ["", *protocol_lines(metrics["protocol"], {**LABELS, **_TITLES})]
    return "\n".join(lines)
