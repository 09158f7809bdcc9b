"""Command `compare`: is one model better than another, on the same photos?"""

import itertools
import statistics

from ssl_voc.cli.command import command_main
from ssl_voc.cli.errors import BadInput, as_bad_input
from ssl_voc.compare.config import CompareConfig
from ssl_voc.evaluate.difference_sign import difference_sign
from ssl_voc.runs.json_files import read_json_dict, write_json
from ssl_voc.runs.start import kept_environment, load_framework

DESCRIPTION = """Compares models photo by photo, by what evaluate wrote of each.

EVALUATIONS and --baseline are folders of `evaluate`, of the same photos; several of a
side are seeds, in pairs. Intervals are 95 %, bootstrapped over photos, the same for
both sides; with several seeds they are of other seeds, too. Photos that one side saw
with their labels are left out.

Example: python -m ssl_voc.compare runs/ssl/evaluation-val \\
    --baseline runs/detector/evaluation-val
"""
# Without an interval.
_PLAIN = {"coco_ap": "COCO AP", "coco_ap75": "COCO AP75"}


def compare(config):
    """Compares evaluations, prints a table, and writes it where `out` names a file.

    Args:
        config: A `CompareConfig`.

    Returns:
        Dictionary of `"num_images"`, the folders of both sides, and `"measures"`: by
        name `"mean"`, `"baseline"`, `"difference"` and, where there is one, its `"ci"`.

    Raises:
        BadInput: when a folder is no evaluation, or both sides are of different tasks,
            photos or objects.
    """
    config = config.resolved()
    sides = config.evaluations, config.baseline
    task = _common_task([*config.evaluations, *config.baseline])
    with kept_environment():
        load_framework("cpu")  # quietly, and without a hand on accelerators
    from ssl_voc.evaluate.scores import SCORES, common_photos

    with as_bad_input():
        kept = common_photos([*config.evaluations, *config.baseline])
        ours, theirs = (SCORES[task](dict(enumerate(side)), kept) for side in sides)
        measures = {
            name: _compare_measure(ours, theirs, name) for name in ours.measures()
        }
    found = [[*side.metrics.values()] for side in (ours, theirs)]
    # These are of all photos of an evaluation: of others they would not be compared.
    if all(row["num_images"] == len(kept) for row in itertools.chain(*found)):
        for name in _PLAIN:
            values = [[row.get(name) for row in rows] for rows in found]
            # Of photos without objects there is none.
            if None not in itertools.chain(*values):
                measures[name] = _row(*map(statistics.fmean, values))
    report = {
        "evaluations": [*map(str, config.evaluations)],
        "baseline": [*map(str, config.baseline)],
        "num_images": len(kept),
        "measures": measures,
    }
    if config.out:
        with as_bad_input(OSError):
            write_json(config.out, report)
    print(format_report(report, ours.labels | _PLAIN), flush=True)
    return report


def format_report(report, labels):
    """The table, and what it speaks of, as text.

    Args:
        report: What `compare` returns.
        labels: What tables call each measure.
    """
    lines = [f"{'':12}  {'this':>6}  baseline  difference"]
    for name, row in report["measures"].items():
        line = f"{labels[name]:12}  {row['mean']:6.3f}  {row['baseline']:8.3f}  "
        line += f"{row['difference']:+.3f}"
        if "ci" in row:
            low, high = row["ci"]
            line += f" [{low:+.3f}, {high:+.3f}]"
            line += "  not shown" * (difference_sign(low, high) == 0)
        lines.append(line)
    number = len(report["evaluations"])
    what = f"{number} seeds a side, and others like them"
    if number == 1:
        what = "one run a side: another seed may turn a small difference round"
    return "\n".join([*lines, "", f"{report['num_images']} photos, {what}"])


def _compare_measure(ours, theirs, name):
    found = ours.difference(theirs, name)
    means = [statistics.fmean(side.by_seed(name)) for side in (ours, theirs)]
    return {**_row(*means), "ci": [found.low, found.high]}


def _row(mean, baseline):
    return {"mean": mean, "baseline": baseline, "difference": mean - baseline}


def _common_task(folders):
    """The task that all evaluations are of."""
    tasks = {}
    for folder in folders:
        metrics = read_json_dict(folder / "metrics.json")
        if not (folder / "images.jsonl").is_file() or "task" not in metrics:
            raise BadInput(f"{folder} holds no evaluation of a run.")
        tasks[metrics["task"]] = folder
    if len(tasks) > 1:
        one, two = tasks.values()
        raise BadInput(
            f"{one} and {two} are of different tasks, {' and '.join(tasks)}. Compare "
            "runs of one task."
        )
    return next(iter(tasks))


main = command_main(compare, CompareConfig, "compare", DESCRIPTION)
