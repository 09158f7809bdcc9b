"""Text tables of an explanation's measures and sanity check."""

import textwrap

import numpy as np

from ssl_voc.evaluate.table_format import protocol_lines
from ssl_voc.explain.measures import LABELS

SUBSETS = {"all": "all photos", "correct": "photos whose class is predicted right"}
_WIDTH = 30


def format_explanation(metrics):
    """The figures as aligned tables, with what each means under them.

    Args:
        metrics: What `metrics.json` holds.
    """
    lines = [
        f"{facts['num_leaked']} OF THE PHOTOS WERE SEEN IN TRAINING by {name}: these "
        "figures are not to be reported\n"
        for name, facts in metrics["runs"].items()
        if facts["num_leaked"]
    ]
    for key, title in SUBSETS.items():
        part = metrics[key]
        lines += _table(part, title, metrics), ""
    if metrics["sanity"]:
        lines += [format_sanity(metrics), ""]
    protocol = metrics["protocol"]
    width = 2 + max(len(LABELS.get(name, name)) for name in protocol)
    return "\n".join([*lines, *protocol_lines(protocol, LABELS, width)])


def _table(part, title, metrics):
    names = list(metrics["runs"])
    counts = ", ".join(f"{part[name]['num_images']} of {name}" for name in names)
    if len({part[name]["num_images"] for name in names}) == 1:
        counts = str(part[names[0]]["num_images"])
    head = f"{title} ({counts})"
    lines = [head, f"{'':18}" + "".join(f"{name:{_WIDTH}}" for name in names)]
    if "difference" in part:
        number = part["difference"]["num_images"]
        lines[-1] += f"{'difference, paired':{_WIDTH}}"
        if number != part[names[0]]["num_images"]:
            lines[0] += f"; differences on the {number} that both predict right"
    lines[-1] += "chance"
    for name, label in LABELS.items():
        if name not in part[names[0]]:
            continue
        row = f"{label:18}"
        for run in names:
            row += f"{_cell(part[run], name):{_WIDTH}}"
        if "difference" in part:
            row += f"{_cell(part['difference'], name, '+'):{_WIDTH}}"
        lines.append((row + _chance(part, names[0], name)).rstrip())
    return "\n".join(lines)


def _cell(figures, name, sign=""):
    if figures.get(name) is None or figures[name] != figures[name]:
        return "-"
    low, high = figures[f"{name}_ci"]
    text = f"{figures[name]:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"
    return text + " *" * bool(sign and (low > 0 or high < 0))


def _chance(part, run, name):
    """What a map that knows nothing reaches, where there is such a thing."""
    if not part[run]["num_images"]:
        return ""
    parts = []
    if name in ("pointing", "energy"):
        parts.append(f"{part[run]['box_share']:.3f} box's share")
    if f"{name}_shuffled" in part[run]:
        parts.append(f"{part[run][f'{name}_shuffled']:.3f} shuffled")
    if name in part.get("center", ()):
        parts.append(f"{part['center'][name]:.3f} center")
    return ", ".join(parts)


def format_sanity(metrics):
    """What is left of the maps once the weights are lost, stage by stage."""
    lines = ["rank correlation of maps with those of the learned weights, which go"]
    for run, sanity in metrics["sanity"].items():
        stages = "  ".join(
            f"{stage} {value:+.2f}"
            for stage, value in zip(
                sanity["stages"], sanity["correlations"], strict=True
            )
        )
        low, high = sanity["final_ci"]
        lines += textwrap.wrap(
            f"{run}: {stages}", 100, initial_indent="  ", subsequent_indent="    "
        )
        verdict = "the maps are lost with the weights: they show what was learned"
        if np.isnan(sanity["final"]):
            verdict = "ALL MAPS ARE EMPTY: there is nothing to lose, and nothing to see"
        elif not sanity["passed"]:
            verdict = "THE MAPS OUTLIVE THE WEIGHTS: do not trust them"
        says = f"    in the end {sanity['final']:+.2f} [{low:+.2f}, {high:+.2f}]"
        if not np.isnan(sanity["other_photo"]):
            says += f", another photo's map {sanity['other_photo']:+.2f}"
        lines.append(f"{says}: {verdict}")
    return "\n".join(lines)
