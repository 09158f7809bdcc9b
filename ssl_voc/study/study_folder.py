"""Folder of a study: its settings, its plan, and the trial that the plan rests on."""

import dataclasses
import subprocess
import sys
import time

from ssl_voc.cli.config_file import config_to_dict, config_to_yaml
from ssl_voc.cli.errors import BadInput
from ssl_voc.runs.atomic_files import write_text
from ssl_voc.runs.folder_lock import is_locked
from ssl_voc.runs.json_files import read_json_dict, write_json
from ssl_voc.runs.paths import refuse_file
from ssl_voc.runs.start_rules import PROGRAM, entries, read_manifest
from ssl_voc.study.arms import Arm, Link, values_of
from ssl_voc.study.budget import Pace
from ssl_voc.study.cells import RESULT, words_of
from ssl_voc.study.claims import NAME as CLAIM
from ssl_voc.study.make_plan import TRIAL_EPOCHS, Trial, make_plan, read_trial
from ssl_voc.study.photos import read_photos, weights_digest
from ssl_voc.study.plan import Grid, Plan
from ssl_voc.training.input_checks import AUTO

PLAN, TRIAL, TRIED = "plan.json", "trial", "trial.json"
# Settings of one start, and one more that changes no cell.
_NOT_RECORDED = ("shard", "cluster", "cpus_per_run", "report", "out")
_NOT_PLANNED = (*_NOT_RECORDED, "cells")
_POLL_SECONDS = 1.0


def open_plan(config, claims):
    """The plan of a study, made by the first process that asks for it.

    With the settings and photos of before the plan of before holds, so that a study
    that was killed goes on; with others a new one is made, by the trial of before where
    that would be the same, and the cells that it has in common with the old one are not
    run again.

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
    _refuse_foreign_cells(config.cells)
    settings = _settings(config, _NOT_PLANNED)
    if config.report:
        found = read_plan(folder)
        if found is None:
            raise BadInput(f"--report: {folder} holds no study.")
        return found[:2]
    known = settings, read_photos(config).digests()
    while not _has_plan(folder, *known):
        with claims.claim(folder) as is_ours:
            # Another process may have made it since.
            if is_ours and not _has_plan(folder, *known):
                plan, pace = make_plan(config, lambda *what: _try_once(config, *what))
                _write_plan(folder, plan, pace, settings)
        if not is_ours:
            time.sleep(_POLL_SECONDS)
    recorded = _settings(config, _NOT_RECORDED)
    write_text(folder / "config.yaml", config_to_yaml(recorded))  # for --resume
    return read_plan(folder)[:2]


def _has_plan(folder, settings, digests):
    found = read_plan(folder)
    return found is not None and (found[2], found[0].digests) == (settings, digests)


def read_plan(folder):
    """`(plan, pace, settings)` as they were written; None where there is none."""
    values = read_json_dict(folder / PLAN)
    plan = values.get("plan", {})
    if "samples_seen" not in plan.get("grid", ()):  # none, or that of an older version
        return None
    plan["arms"] = tuple(
        Arm(
            arm["name"],
            tuple(
                Link(each["objective"], *map(_tuples, (each["source"], each["flags"])))
                for each in arm["links"]
            ),
            tuple(arm["flags"]),
        )
        for arm in plan["arms"]
    )
    plan["grid"] = Grid(**{k: _tuples(value) for k, value in plan["grid"].items()})
    photos = {tuple(key): size for key, size in plan.pop("num_pretraining_photos")}
    others = {k: v if k in ("arms", "grid") else _tuples(v) for k, v in plan.items()}
    plan = Plan(num_pretraining_photos=photos, **others)
    return plan, Pace(**values["pace"]), values["settings"]


def _write_plan(folder, plan, pace, settings):
    values = {
        field.name: getattr(plan, field.name) for field in dataclasses.fields(plan)
    }
    values["arms"] = [dataclasses.asdict(arm) for arm in plan.arms]
    values["grid"] = dataclasses.asdict(plan.grid)
    values["num_pretraining_photos"] = [*plan.num_pretraining_photos.items()]
    recorded = {
        "program": PROGRAM,
        "command": "study",
        "settings": settings,
        "pace": dataclasses.asdict(pace),
        "plan": values,
    }
    write_json(folder / PLAN, recorded)


def _settings(config, left_out):
    values = config_to_dict(config)
    return {name: value for name, value in values.items() if name not in left_out}


def _refuse_foreign(folder):
    refuse_file("--out", folder)
    names = [name for name in entries(folder) if not name.startswith(".")]
    plan, claim = (read_json_dict(folder / name) for name in (PLAN, CLAIM))
    is_ours = (plan.get("program"), plan.get("command")) == (PROGRAM, "study")
    is_ours = is_ours or {"host", "pid", "token"} <= claim.keys()
    if names and not is_ours and read_manifest(folder / TRIAL) is None:
        raise BadInput(
            f"--out: {folder} is not empty and holds no study. Choose another --out."
        )


def _refuse_foreign_cells(folder):
    """Finds that `--cells` names a folder of runs, or one to be made."""
    if folder is None or not folder.exists():
        return
    refuse_file("--cells", folder)
    marks = RESULT, CLAIM, "run", "output.txt"
    if entries(folder) and not any(any(folder.glob(f"*/{mark}")) for mark in marks):
        runs = folder / "cells"
        hint = f" Did you mean {runs}?" * runs.is_dir()
        raise BadInput(f"--cells: {folder} holds no runs of a study.{hint}")


def _try_once(config, common, flags):
    """The trial of before, if it had these words, else a new one."""
    path = config.out / TRIED
    words, known = [*words_of(common), *flags], read_json_dict(path)
    # A run that was trained anew may have another backbone.
    weights = weights_digest(values_of("--weights", flags)[-1])
    # Weights that could not be had may be there now.
    is_same = (known.get("words"), known.get("weights")) == (words, weights)
    if is_same and (known["imagenet"] or AUTO not in words):
        pace = Pace(**known["pace"])
        return Trial(pace, known["imagenet"], known["backbone"], 0.0)
    trial = _run_trial(config.out / TRIAL, common, flags)
    asked = {"words": words, "weights": weights}
    write_json(path, {**asked, **dataclasses.asdict(trial)})
    return trial


def _run_trial(folder, common, flags):
    """A few epochs of fine-tuning: how fast this machine is, and what it can get."""
    if entries(folder) and read_manifest(folder) is None:
        raise BadInput(
            f"--out: {folder} holds files of something else. Choose another --out."
        )
    while is_locked(folder):  # by the trial of a process that was killed
        time.sleep(_POLL_SECONDS)
    print("trying a few epochs, to know the pace of this machine", flush=True)
    words = [sys.executable, "-m", "ssl_voc.finetune", *words_of(common), *flags]
    words += ["--epochs", str(TRIAL_EPOCHS), "--val-share", "0"]
    if values_of("--schedule", flags)[-1:] == ["staged"]:
        words += ["--unfreeze-epoch", "1"]  # the first, whose pace does not count
    words += ["--out", str(folder), "--overwrite"]  # it removes files of a run alone
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
