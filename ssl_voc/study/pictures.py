"""Pictures of a study's report: charts, and the heat maps of its explanations."""

from ssl_voc.runs.json_files import read_json, read_jsonl
from ssl_voc.study.charts import Curve, draw_differences, draw_efficiency, draw_training
from ssl_voc.study.verdict import Difference

_LOSS_OVER_CHANCE = "loss_over_chance"


def charts_of(numbers, found):
    """Label efficiency and differences by the main measure, then by the others.

    Args:
        numbers: What `report.json` holds.
        found: `Findings`.

    Returns:
        List of `(svg, caption)`.
    """
    drawn = []
    for measure, label in numbers["measures"].items():
        rows = [row for row in numbers["figures"] if row["measure"] == measure]
        curves = []
        for arm in dict.fromkeys(row["arm"] for row in rows):
            own = [row for row in rows if row["arm"] == arm]
            columns = ("num_labels", "mean", "ci", "by_seed")
            curves.append(Curve(arm, *(tuple(row[c] for row in own) for c in columns)))
        drawn.append((draw_efficiency(curves, label), f"{label} by number of labels"))
        if measure == found.main_measure:
            gaps = [
                (
                    f"{row['arm']} less {row['baseline']}, {row['num_labels']}",
                    *(row["mean"], row["low"], row["high"], row["sign"]),
                )
                for row in numbers["differences"]
                if row["measure"] == measure
            ]
            if gaps:
                drawn.append((draw_differences(gaps, label), f"differences in {label}"))
    return drawn


def training_charts_of(found, folder):
    """Losses over epochs: of the pretrainings, and of the arms at each share.

    Args:
        found: `Findings`.
        folder: Path of the folder of all cells.

    Returns:
        List of `(svg, caption)`.
    """
    drawn = []
    learned = [cell for cell in found.done if cell.kind == "pretrain"]
    if learned:
        curves = [_curve(folder, c, c.full_title, _LOSS_OVER_CHANCE) for c in learned]
        label, title = "loss over chance", "pretraining"
        if not all(curve.x for curve in curves):
            curves = [_curve(folder, c, c.full_title, "loss") for c in learned]
            label = "loss"
        drawn.append((draw_training(curves, label, title), title))
    for share in found.plan.grid.shares[::-1]:
        first = found.plan.grid.seeds[0]
        own = [
            cell
            for cell in found.done
            if (cell.kind, cell.share, cell.seed) == ("finetune", share, first)
        ]
        if own:
            curves = [_curve(folder, cell, cell.arm, "loss") for cell in own]
            title = f"fine-tuning, {found.plan.count(share)} labels, seed {first}"
            drawn.append((draw_training(curves, "loss", title), title))
    return drawn


def heat_maps_of(found, folder):
    """Parts of the page that show where models look, and how much on the object.

    Args:
        found: `Findings`.
        folder: Path of the folder of all cells.

    Returns:
        List of `(kind, content)`, the parts of a section: of each explanation a
        picture, what it shows, and a table of its measures.
    """
    from PIL import Image

    from ssl_voc.explain.measures import LABELS

    parts = []
    for cell in found.done:
        if cell.kind != "explain":
            continue
        run = cell.run_folder(folder)
        metrics = read_json(run / "metrics.json")["all"]
        baseline, rows = found.plan.arms[0].name, []
        for name, label in LABELS.items():
            sides = [metrics[side].get(name) for side in ("run", "baseline")]
            if None in sides:
                continue
            gap = Difference(
                *(cell.arm, baseline, found.plan.count(cell.share), name),
                *(metrics["difference"][name], *metrics["difference"][f"{name}_ci"], 1),
            )
            rows.append([label, *(f"{v:.3f}" for v in sides), gap.marked_text()])
        heads = ["heat maps", cell.arm, baseline, "difference"]
        caption = f"Heat maps: run is {cell.arm}, baseline is {baseline}"
        with Image.open(run / "gallery.png") as picture:
            parts.append(("picture", (picture.convert("RGB"), caption)))
        parts += [("text", f"{caption}."), ("cells", (heads, rows))]
    return parts


def _curve(folder, cell, name, key):
    rows = read_jsonl(cell.run_folder(folder) / "metrics.jsonl")
    points = [(row["epoch"], row[key]) for row in rows if row.get(key) is not None]
    x, y = zip(*points, strict=True) if points else ((), ())
    return Curve(name, x, y)
