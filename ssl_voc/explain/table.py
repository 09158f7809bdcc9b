"""Text tables of an explanation's measures and sanity check."""

import textwrap

import numpy as np

from ssl_voc.evaluate.difference_sign import difference_sign
from ssl_voc.evaluate.table_format import protocol_lines
from ssl_voc.explain.measures import LABELS

SUBSETS = {
    "all": "all photos",
    "correct": "photos whose object's class is predicted right",
}
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
    titles = dict(SUBSETS)
    if all(
        metrics["correct"][name]["num_images"] == metrics["all"][name]["num_images"]
        for name in metrics["runs"]
    ):
        titles = {
            "all": "all photos, of each of which the object's class is predicted right"
        }
    for key, title in titles.items():
        part = metrics[key]
        lines += _table(part, title, metrics), ""
    if metrics["sanity"]:
        lines += [format_sanity(metrics), ""]
    protocol = metrics["protocol"]
    width = 2 + max(len(LABELS.get(name, name)) for name in protocol)
    return "\n".join([*lines, *protocol_lines(protocol, LABELS, width)])


def verdicts(metrics):
    """What the energy in the box says of all photos, a sentence for each run.

    Args:
        metrics: What `metrics.json` holds.
    """
    part, lines = metrics["all"], []
    for name in metrics["runs"]:
        figures = part[name]
        low, high = figures["energy_over_chance_ci"]
        says = {
            1: "lie on the objects more than",
            -1: "lie on the objects less than",
            0: "are not shown to lie on the objects more, or less, than",
        }[difference_sign(low, high)]
        what = "a spot at the middle of every photo"
        if figures["chance"] == "even":
            what = "an even map"
        text = (
            f"the maps of {name} {says} {what}: {figures['energy']:.3f} of their sum "
            f"is in the box, against {figures['chance_energy']:.3f} "
            f"({figures['energy_over_chance']:+.3f} [{low:+.3f}, {high:+.3f}])"
        )
        sanity = metrics.get("sanity", {}).get(name)
        if sanity and not sanity["passed"]:
            text += "; but they are not shown to come from what was learned"
        lines.append(f"{text}.")
    if "difference" in part:
        low, high = part["difference"]["energy_ci"]
        says = {
            1: "shown to lie more",
            -1: "shown to lie less",
            0: "not shown to lie more, or less,",
        }[difference_sign(low, high)]
        first, other = metrics["runs"]
        lines.append(
            f"the maps of {first} are {says} on the objects than those of {other}: "
            f"{part['difference']['energy']:+.3f} [{low:+.3f}, {high:+.3f}]."
        )
    return lines


def _table(part, title, metrics):
    columns = [(name, part[name], "") for name in metrics["runs"]]
    numbers = {name: figures["num_images"] for name, figures, _ in columns}
    first, number = next(iter(numbers.items()))
    counts = ", ".join(f"{count} of {name}" for name, count in numbers.items())
    title += f" ({number if len({*numbers.values()}) == 1 else counts})"
    if "difference" in part:
        columns.append(("difference, paired", part["difference"], "+"))
        if part["difference"]["num_images"] != number:
            both = part["difference"]["num_images"]
            title += f"; differences on the {both} that both predict right"
    heads = "".join(f"{head:{_WIDTH}}" for head, *_ in columns)
    lines = [title, f"{'':18}{heads}chance"]
    for name, label in LABELS.items():
        if name in part[first]:
            cells = [_cell(figures, name, sign) for _, figures, sign in columns]
            row = "".join(f"{cell:{_WIDTH}}" for cell in cells)
            lines.append(f"{label:18}{row}{_chance(part, first, name)}".rstrip())
    return "\n".join(lines)


def _cell(figures, name, sign):
    if np.isnan(figures.get(name, np.nan)):
        return "-"
    low, high = figures[f"{name}_ci"]
    text = f"{figures[name]:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"
    return text + " *" * bool(sign and difference_sign(low, high))


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
        stages = zip(sanity["stages"], sanity["correlations"], strict=True)
        stages = "  ".join(f"{stage} {value:+.2f}" for stage, value in stages)
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
