"""Folder of a study: its settings, its plan, and the trial that the plan rests on."""

import dataclasses
import json
import shutil
import subprocess
import sys
import time

from ssl_voc.cli.config_file import config_to_dict, config_to_yaml
from ssl_voc.cli.errors import BadInput
from ssl_voc.runs.atomic_files import write_text
from ssl_voc.runs.json_files import to_json
from ssl_voc.study.arms import Arm, Link
from ssl_voc.study.budget import Pace
from ssl_voc.study.plan import Grid, Plan
from ssl_voc.study.planning import TRIAL_EPOCHS, make_plan, read_trial

PLAN = "plan.json"
# Settings that change no cell.
_NOT_PLANNED = ("shard", "report", "out", "cells")
_POLL_SECONDS = 1.0


def open_plan(config, claims):
    """The plan of a study, made by the first process that asks for it.

    With the settings of before the plan of before holds, so that a study that was
    killed goes on; with others a new one is made, and the cells that it has in common
    with the old one are not run again.

    Args:
        config: A `StudyConfig`.
        claims: `Claims`.

    Returns:
        `(plan, pace)`.

    Raises:
        BadInput: when the folder holds something else, or the plan cannot be made.
    """
    folder = config.out
    _refuse_foreign(folder)
    settings = _planned_settings(config)
    while True:
        found = read_plan(folder)
        if found is not None and found[2] == settings:
            return found[:2]
        if config.report:
            if found is None:
                raise BadInput(f"--report: {folder} holds no study.")
            return found[:2]
        with claims.claim(folder) as is_ours:
            if is_ours:
                plan, pace = make_plan(
                    config, lambda *what: _run_trial(folder / "trial", *what)
                )
                _write_plan(folder, plan, pace, settings)
                return read_plan(folder)[:2]
        time.sleep(_POLL_SECONDS)


def read_plan(folder):
    """`(plan, pace, settings)` as they were written; None where there is none."""
    try:
        values = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    plan = values["plan"]
    plan["arms"] = tuple(
        Arm(
            arm["name"],
            tuple(
                Link(each["objective"], _tuples(each["source"]))
                for each in arm["links"]
            ),
            tuple(arm["flags"]),
        )
        for arm in plan["arms"]
    )
    plan["grid"] = Grid(**{k: _tuples(value) for k, value in plan["grid"].items()})
    pools = {tuple(source): size for source, size in plan.pop("pool_sizes")}
    others = {k: v if k in ("arms", "grid") else _tuples(v) for k, v in plan.items()}
    return Plan(pool_sizes=pools, **others), Pace(**values["pace"]), values["settings"]


def _write_plan(folder, plan, pace, settings):
    values = {
        field.name: getattr(plan, field.name) for field in dataclasses.fields(plan)
    }
    values["arms"] = [dataclasses.asdict(arm) for arm in plan.arms]
    values["grid"] = dataclasses.asdict(plan.grid)
    values["pool_sizes"] = [*plan.pool_sizes.items()]
    text = to_json(
        {
            "program": "ssl_voc",
            "command": "study",
            "settings": settings,
            "pace": dataclasses.asdict(pace),
            "plan": values,
        },
        indent=2,
    )
    write_text(folder / "config.yaml", config_to_yaml(settings))  # for --resume
    write_text(folder / PLAN, text + "\n")


def _planned_settings(config):
    values = config_to_dict(config)
    return {name: value for name, value in values.items() if name not in _NOT_PLANNED}


def _refuse_foreign(folder):
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"--out: {folder} is a file. Name a folder.")
    ours = {PLAN, "claim.json", "trial", "cells"}
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    names = {name for name in names if not name.startswith(".")}
    if names and not names & ours:
        raise BadInput(
            f"--out: {folder} is not empty and holds no study. Choose another --out."
        )


def _run_trial(folder, common, flags, num_photos):
    """A few epochs of fine-tuning: how fast this machine is, and what it can get."""
    print("trying a few epochs, to know the pace of this machine", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    words = [sys.executable, "-m", "ssl_voc.finetune"]
    for flag, value in common:
        for each in value if isinstance(value, tuple) else (value,):
            words += [flag, str(each)]
    words += [*flags, "--weights", "auto", "--epochs", str(TRIAL_EPOCHS)]
    words += ["--val-share", "0", "--out", str(folder)]
    began = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BadInput(
            f"a trial of {' '.join(words[2:])} failed: "
            f"{(done.stderr or done.stdout).strip().rpartition(chr(10))[2]}"
        )
    return read_trial(folder, time.monotonic() - began)


def _tuples(value):
    """Lists as tuples, all the way down, as a plan has them."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
