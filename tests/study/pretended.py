"""Cells whose commands pretend to train, for the tests of everything around them.

    python -m tests.study.pretended FOLDER [I N]

runs a whole study of them, as one shard of several if asked.
"""

import json
import pathlib
import sys

from ssl_voc.study.budget import Pace
from ssl_voc.study.cells import RESULT, Cell
from ssl_voc.study.claims import Claims
from ssl_voc.study.runner import Runner
from tests.study import pretended_run
from tests.study.plans import build_plan

PACE = Pace(1.0, 0.001, 0.1)
SCRIPT = pathlib.Path(__file__).with_name("pretended_run.py")
# The pretrained arm is better with few labels.
GAINS = {0.1: 0.1, 1.0: 0.0}


def small_plan(**changes):
    small = {"shares": (0.1, 1.0), "seeds": (0,), "rates": (0.01, 0.003)}
    return build_plan(**{**small, **changes})


def commands(cell, folder):
    """In place of `Cell.commands`."""
    run = str(folder / cell.key / "run")
    if cell.kind == "tune":
        score = 0.5 + (cell.rate == 0.003) / 10
    else:
        score = 0.4 + 0.2 * cell.share + GAINS[cell.share] * (cell.arm == "ssl")
    names = [cell.command, *(["evaluate"] if cell.is_evaluated else [])]
    return [[sys.executable, str(SCRIPT), name, run, f"{score}"] for name in names]


def pretend():
    """Lets the cells of this process have these commands."""
    Cell.commands = commands


def stay_in_process(patch):
    """Lets cells pretend without processes of their own, by a `MonkeyPatch`."""

    def start(runner, cell, words, folder):
        return pretended_run.main(*words[2:]) is None

    patch.setattr(pretended_run, "SECONDS", 0.0)
    patch.setattr(Runner, "_start", start)


def results(folder):
    """Everything that a report reads, but the times."""
    found = {}
    for path in folder.glob(f"*/{RESULT}"):
        result = json.loads(path.read_text())
        for name in ("seconds", "commands"):
            del result[name]
        rows = path.parent / "run" / "evaluation" / "images.jsonl"
        found[path.parent.name] = result, rows.read_text() if rows.exists() else ""
    return found


def make_runner(folder, shard=(0, 1), plan=None):
    pretend()
    folder.mkdir(parents=True, exist_ok=True)
    claims = Claims(beat=0.2, stale=2.0)
    return Runner(plan or small_plan(), folder, claims, PACE, shard)


if __name__ == "__main__":
    folder, *shard = sys.argv[1:]
    make_runner(pathlib.Path(folder), tuple(map(int, shard)) or (0, 1)).run()
