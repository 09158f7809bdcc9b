"""Commands killed at random moments: they end with what an undisturbed one ends with.

python -m tests.killing --kills 100 [--seed 0]

Each command that writes runs undisturbed once. Then it is killed with all its
processes, at moments drawn between the time when it begins to write and its end, and
started again as a person would, until it is let live. What it leaves under a final name
must be whole after each kill, and in the end its results are those of the first run.
"""

import argparse
import pathlib
import shutil
import sys
import time

import numpy as np

from ssl_voc.cli.durations import format_duration
from tests.killing.commands import COMMANDS, prepare
from tests.killing.trial import Trial


def kill_commands(folder, commands, num_kills, seed, trials):
    """Kills commands, each equally often.

    Args:
        folder: Working folder, empty.
        commands: Names out of `COMMANDS`.
        num_kills: Of all of them together.
        seed: Of the moments.
        trials: List that gets a `Trial` each, when it begins.
    """
    prepare(folder)
    random = np.random.default_rng(seed)
    began = time.monotonic()

    def tell():
        trial, done = trials[-1], sum(len(each.moments) for each in trials)
        left = (time.monotonic() - began) / done * (num_kills - done)
        print(
            f"kill {done}/{num_kills}: {trial.command} at {trial.moments[-1]:.0%}, "
            f"{format_duration(left)} left",
            flush=True,
        )

    share, more = divmod(num_kills, len(commands))
    for index, command in enumerate(commands):
        trials.append(Trial(command, folder, random))
        trials[-1].kill(share + (index < more), tell)


def format_table(trials):
    """Kills by command, and what became of them, as text."""
    lines = [f"{'command':24} kills  ended alike  kills fell at % of its writing"]
    for trial in trials:
        alike = f"{trial.num_chains - len(trial.failures)} of {trial.num_chains}"
        moments = " ".join(f"{100 * moment:.0f}" for moment in sorted(trial.moments))
        lines.append(
            f"{trial.command:24} {len(trial.moments):5}  {alike:11}  {moments}"
        )
    lines += [
        f"{trial.command}: {text}"
        for trial in trials
        for chain in trial.failures
        for text in chain
    ]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=pathlib.Path, default="runs/killing")
    parser.add_argument("commands", nargs="*", metavar="COMMAND", default=[*COMMANDS])
    options = parser.parse_args()
    shutil.rmtree(options.work, ignore_errors=True)
    options.work.mkdir(parents=True)
    folder, trials = options.work.resolve(), []
    try:
        kill_commands(folder, options.commands, options.kills, options.seed, trials)
    finally:  # of what was done before an interrupt, too
        print(f"\n{format_table(trials)}", flush=True)
    return int(any(trial.failures for trial in trials))


if __name__ == "__main__":
    sys.exit(main())
