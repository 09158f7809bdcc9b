"""What answers that do not see the photos score, beside the arms of a study."""

from statistics import fmean

from ssl_voc.evaluate.blind_lines import LABELS, is_clear_of_blind
from ssl_voc.evaluate.table_format import format_cell

_TEXT = (
    "{}, of all photos that a run was evaluated on, by answers that do not see the "
    "photo; the gain over the better of them, and the runs whose gain is clear of zero:"
)


def measure_blind(findings):
    """What is found without seeing the photos, beside each arm: rows.

    As groups are, of all photos of a run's evaluation; means over the seeds.

    Args:
        findings: `Findings`.
    """
    rows = []
    for (arm, share), scores in findings.scores.items():
        runs = [scores.metrics[seed].get("blind") for seed in scores.seeds]
        runs = [run for run in runs if run]
        names = [name for name in LABELS if runs and all(name in run for run in runs)]
        if names:
            rows.append(
                {
                    "arm": arm,
                    "num_labels": findings.plan.count(share),
                    "measure": scores.blind_measure,
                    "answers": {
                        name: fmean(run[name][scores.blind_measure] for run in runs)
                        for name in names
                    },
                    "gain": fmean(
                        min(run[name]["gain"] for name in names) for run in runs
                    ),
                    "num_runs": len(runs),
                    "num_clear": sum(map(is_clear_of_blind, runs)),
                }
            )
    return rows


def blind_parts(blind, measures):
    """Parts of the report's section about it.

    Args:
        blind: What `measure_blind` gave, not empty.
        measures: Dictionary from the names of measures to what tables call them.
    """
    names = dict.fromkeys(name for row in blind for name in row["answers"])
    rows = [
        [
            str(row["num_labels"]),
            row["arm"],
            *(format_cell(row["answers"].get(name)) for name in names),
            f"{row['gain']:+.3f}",
            f"{row['num_clear']} of {row['num_runs']}",
        ]
        for row in sorted(blind, key=lambda row: row["num_labels"])
    ]
    heads = ["labels", "arm", *map(LABELS.get, names), "gain", "clear of zero"]
    text = _TEXT.format(measures[blind[0]["measure"]])
    return [("text", text), ("cells", (heads, rows))]
