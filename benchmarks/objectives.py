"""What a training step of every objective costs, beside one of SimCLR.

    python -m benchmarks.objectives --data PHOTOS --out FILE.json

Each objective is a process that sets up what `pretrain --objective X` does, by its
defaults, and trains some steps when asked to; they take turns, the others stopped by a
signal meanwhile, and every turn of `simclr` is beside those of its round. Given are the
seconds of a step by the clock and of the CPU, over all threads, as shares of SimCLR's,
and the largest resident memory of the process, photos and preparation among it. The
teacher of `distill` is EfficientNetB1 of random weights: a step costs the same.
"""

import argparse
import contextlib
import functools
import json
import os
import pathlib
import sys
import tempfile

from benchmarks.figures import spread
from benchmarks.machine import describe_machine
from benchmarks.worker import measure_in_turns, peak_memory_gib, serve
from ssl_voc.cli import flags
from ssl_voc.pretrain.config import PretrainConfig
from ssl_voc.runs.start import open_run

REFERENCE = "simclr"
# Flags of each row, but for those that all have.
ROWS = {
    REFERENCE: ["--objective", "simclr"],
    "dcl": ["--objective", "dcl"],
    "dense": ["--objective", "dense"],
    "multicrop": ["--objective", "multicrop"],
    "byol": ["--objective", "byol"],
    "vicreg": ["--objective", "vicreg"],
    "distill": ["--objective", "distill", "--teacher"],
    "distill, cached": ["--objective", "distill", "--teacher-cache", "--teacher"],
}
TEACHER = "EfficientNetB1"


class ObjectiveWorker:
    """A pretraining run that trains when it is asked to.

    Args:
        arguments: Flags of `pretrain`.
    """

    def __init__(self, arguments):
        config = flags.parse(PretrainConfig, arguments, "pretrain", "").resolved()
        self._open = contextlib.ExitStack()
        folder = self._open.enter_context(open_run(config, "pretrain"))
        from ssl_voc.pretrain.run import PretrainingRun

        self.run = PretrainingRun(config, folder)
        self.train(1)

    def train(self, num_steps):
        """What `time_steps` gives, and the process' largest memory so far, in GiB."""
        from benchmarks.step_clock import time_steps

        fit = functools.partial(self.run.model.fit, self.run.batches_from(0))
        return {**time_steps(fit, num_steps), "peak_memory_gib": peak_memory_gib()}


def main(argv=None):
    """Measures, and prints a line an objective."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", required=True, type=pathlib.Path)
    parser.add_argument("--backbone", default="EfficientNetB0")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=4, help="timed steps in a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=pathlib.Path, help="file for all figures, json")
    options = parser.parse_args(argv)
    machine = describe_machine()
    print(machine, flush=True)
    rounds = measure(options)
    rows = {name: summarize(rounds, name) for name in ROWS}
    for name, row in rows.items():
        print(format_row(name, row))
    if options.out:
        facts = {key: str(value) for key, value in vars(options).items()}
        report = {"machine": machine, "options": facts, "rows": rows, "rounds": rounds}
        options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def measure(options):
    """Times every row in turns.

    Returns:
        List with an entry a round: dictionary from the name of a row to what
        `ObjectiveWorker.train` returned.
    """
    data = [str(path.resolve()) for path in options.data]
    with tempfile.TemporaryDirectory() as folder:
        teacher = os.path.join(folder, "teacher.keras")
        save_teacher(teacher, options.image_size)
        rows = {}
        for number, (name, own) in enumerate(ROWS.items()):
            arguments = [
                *("--data", *data, "--out", os.path.join(folder, str(number))),
                *("--backbone", options.backbone, "--weights", "none"),
                *("--image-size", str(options.image_size)),
                *("--batch-size", str(options.batch_size), "--epochs", "1"),
                *own,
                *([teacher] if own[-1] == "--teacher" else []),
            ]
            rows[name] = {"arguments": arguments}, None
        return measure_in_turns(__spec__.name, rows, options.steps, options.rounds)


def save_teacher(path, image_size):
    """Saves a backbone of random weights."""
    import ssl_voc

    ssl_voc.backbone(TEACHER, image_size=image_size).save(path)


def summarize(rounds, name):
    """Figures of a row: medians over the rounds, and their range.

    Args:
        rounds: What `measure` returned.
        name: Name of the row.

    Returns:
        Dictionary of `"ratio_seconds"` and `"ratio_cpu_seconds"`, each `{"median",
        "low", "high"}` of the shares of `REFERENCE` in the same round, and of
        `"peak_memory_gib"`.
    """
    row = {}
    for unit in ("seconds", "cpu_seconds"):
        ratios = [turns[name][unit] / turns[REFERENCE][unit] for turns in rounds]
        row[f"ratio_{unit}"] = spread(ratios)
    row["peak_memory_gib"] = max(turns[name]["peak_memory_gib"] for turns in rounds)
    return row


def format_row(name, row):
    """One line of the table."""
    clocks = {"ratio_seconds": "the clock", "ratio_cpu_seconds": "CPU time"}
    ratios = [
        "{median:.2f} ({low:.2f} to {high:.2f})".format(**row[key]) + f" by {clock}"
        for key, clock in clocks.items()
    ]
    return f"{name:16} {', '.join(ratios)}; {row['peak_memory_gib']:.2f} GiB"


if __name__ == "__main__":
    # A worker has its arguments as one line of JSON.
    if len(sys.argv) == 2 and sys.argv[1].startswith("{"):
        serve(ObjectiveWorker, sys.argv[1])
    else:
        main()
