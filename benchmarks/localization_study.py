"""Does pretraining without labels make a better localizer? Runs, then intervals.

    python -m benchmarks.localization_study STUDY.yaml --out FOLDER

STUDY.yaml names the data, the arms (flags of `finetune` each, such as `weights` and the
`learning_rate` that was chosen inside the training photos), the shares of labels and
the seeds. Every run is one `finetune` and one `evaluate`, with one seed for splits,
head and order in all arms; runs that are done are not repeated. Written to FOLDER:
`study.json` and `study.md` with, for each share, every arm's mean over seeds and photos
with its interval, and the paired difference from the last arm. Intervals are 95 %
bootstraps over the evaluation photos, all seeds of a photo together: they speak of
other photos of the same kind, for these seeds. A second interval draws the seeds, too.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np
import yaml

from ssl_voc.metrics import bootstrap_interval, paired_bootstrap
from ssl_voc.runs.json_files import read_jsonl

MEASURES = ("top1", "top3", "mean_iou", "loc_acc_50", "loc_acc_70", "corloc")


def main(argv=None):
    """Runs what is missing and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs/study"))
    options = parser.parse_args(argv)
    study = yaml.safe_load(options.study.read_text(encoding="utf-8"))
    for seed in study["seeds"]:
        for share in study["label_fractions"]:
            for arm in study["arms"]:
                run_one(study, arm, share, seed, options.runs)
            write_tables(study, options)


def run_one(study, arm, share, seed, runs):
    """Fine-tunes and evaluates one arm, unless that is done."""
    run = run_folder(runs, arm, share, seed)
    flags = {
        "data": study["data"],
        "label-fraction": share,
        "seed": seed,
        **study["shared"],
        **study["by_fraction"].get(share, {}),
        **study["arms"][arm]["shared"],
        **study["arms"][arm].get("by_fraction", {}).get(share, {}),
    }
    if not (run / "summary.json").exists():
        start("finetune", "--out", run, *as_flags(flags))
    evaluation = run / "evaluation"
    if not (evaluation / "metrics.json").exists():
        where = ("--data", study["data"], "--split", study["evaluation_split"])
        start("evaluate", run, *where, "--out", evaluation)
    print(f"done: {run}", flush=True)


def run_folder(runs, arm, share, seed):
    """Where a run lies."""
    return runs / f"{arm}-{100 * share:g}pct-seed{seed}"


def as_flags(settings):
    """Settings as flags: `{"image-size": 128}` as `--image-size 128`."""
    pairs = [(f"--{key.replace('_', '-')}", value) for key, value in settings.items()]
    return [str(part) for pair in pairs for part in pair]


def start(command, *arguments):
    """Runs a command of ssl_voc; its output is shown where it fails."""
    words = [sys.executable, "-m", f"ssl_voc.{command}", *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(words)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def read_image_measures(folder):
    """Reads `images.jsonl` of an evaluation, to be compared with another's.

    Returns:
        `(keys, measures)`: a list of (source, image id) and a dictionary of float64
        arrays in that order, for `ssl_voc.metrics.paired_bootstrap`.
    """
    rows = read_jsonl(folder / "images.jsonl")
    names = [name for name in MEASURES if rows and name in rows[0]]
    measures = {
        # null stands for nan
        name: np.array([row[name] for row in rows], "float64")
        for name in names
    }
    return [(row["source"], row["image_id"]) for row in rows], measures


def read_measures(study, arm, share, runs):
    """Arrays `(num_seeds, num_images)` of the seeds that are done, by measure."""
    keys, tables = None, []
    for seed in study["seeds"]:
        evaluation = run_folder(runs, arm, share, seed) / "evaluation"
        if not (evaluation / "metrics.json").exists():
            continue
        photos, table = read_image_measures(evaluation)
        if keys not in (None, photos):
            sys.exit(f"{evaluation}: evaluated on other photos than the other runs")
        keys = photos
        tables.append(table)
    return {name: np.stack([table[name] for table in tables]) for name in MEASURES}


def write_tables(study, options):
    """Writes `study.json` and `study.md` of the runs that are done."""
    options.out.mkdir(parents=True, exist_ok=True)
    baseline = [*study["arms"]][-1]
    results, lines = [], []
    for share in study["label_fractions"]:
        paths = [
            run_folder(options.runs, arm, share, seed) / "evaluation" / "metrics.json"
            for arm in study["arms"]
            for seed in study["seeds"]
        ]
        if not all(path.exists() for path in paths[:: len(study["seeds"])]):
            continue
        lines += ["", f"### {100 * share:g} % of the labels", ""]
        lines += [f"| arm | seeds | {' | '.join(MEASURES)} |"]
        lines += [f"|---|---|{'---|' * len(MEASURES)}"]
        tables = {
            arm: read_measures(study, arm, share, options.runs) for arm in study["arms"]
        }
        num_seeds = min(len(table["top1"]) for table in tables.values())
        tables = {
            arm: {name: values[:num_seeds] for name, values in table.items()}
            for arm, table in tables.items()
        }
        for arm, table in tables.items():
            cells = []
            for name in MEASURES:
                interval = bootstrap_interval(table[name])
                cells.append(describe(interval))
                results.append(as_row(share, arm, name, interval, table[name]))
            lines.append(f"| {arm} | {num_seeds} | {' | '.join(cells)} |")
        for arm in [*study["arms"]][:-1]:
            for resample_runs, label in ((False, ""), (True, ", seeds drawn too")):
                cells = []
                for name in MEASURES:
                    interval = paired_bootstrap(
                        tables[arm][name],
                        tables[baseline][name],
                        resample_runs=resample_runs,
                    )
                    cells.append(describe(interval, signed=True))
                    what = f"{arm} - {baseline}{label}"
                    results.append(as_row(share, what, name, interval))
                lines.append(
                    f"| {arm} - {baseline}{label} | {num_seeds} | {' | '.join(cells)} |"
                )
    text = "\n".join(lines).strip() + "\n"
    (options.out / "study.md").write_text(text, encoding="utf-8")
    (options.out / "study.json").write_text(
        json.dumps({"study": study, "results": results}, indent=2) + "\n",
        encoding="utf-8",
    )
    print(text, flush=True)


def describe(interval, signed=False):
    """An interval as a table's cell; a difference clear of zero is bold."""
    form = "+.3f" if signed else ".3f"
    text = f"{interval.mean:{form}} [{interval.low:{form}}, {interval.high:{form}}]"
    return f"**{text}**" if signed and interval.excludes_zero else text


def as_row(share, what, measure, interval, values=None):
    """One figure of `study.json`."""
    row = {
        "label_fraction": share,
        "what": what,
        "measure": measure,
        "mean": interval.mean,
        "ci": [interval.low, interval.high],
        "num_images": interval.num_images,
    }
    if values is not None:
        row["by_seed"] = [float(np.nanmean(run)) for run in values]
    return row


if __name__ == "__main__":
    main()
