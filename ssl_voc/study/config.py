"""Settings of `python -m ssl_voc.study`."""

import dataclasses
import re
from pathlib import Path
from typing import Literal

from ssl_voc.cli.durations import parse_duration
from ssl_voc.cli.options import option
from ssl_voc.runs.paths import default_folder
from ssl_voc.tasks import TASKS
from ssl_voc.training.input_checks import AUTO

_LABELS = re.compile(r"\d+(\.\d+)?%|\d+")


@dataclasses.dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """Settings of a study; see `--help` for each."""

    data: tuple[str, ...] = option(help="Labelled photos.")
    unlabeled: tuple[str, ...] = option(
        (),
        "Photos to pretrain on without labels, where no --arm names any; by default "
        "those of --data.",
    )
    arm: tuple[str, ...] = option(
        (),
        "A start to compare: random, imagenet, PATH, supervised:DATA, ssl:DATA, "
        "ssl:OBJECTIVE:DATA, or a chain of them by +, and flags of finetune behind it, "
        "and of its last pretraining as --pretrain TEXT; the first is what the others "
        "are compared with.",
    )
    task: Literal[tuple(TASKS)] = option("localize", "What is learned.")
    train_split: str | None = option(
        None,
        "Split to learn from; by default train, else trainval, or a seeded 80 % "
        "without splits.",
    )
    split: str | None = option(
        None, "Split that is reported; by default test, val, or the other 20 %."
    )
    labels: tuple[str, ...] = option(
        ("1%", "5%", "10%", "25%", "100%"), "Share or number of the labelled photos."
    )
    seeds: int = option(3, "Number of fine-tunings of each arm and share.", minimum=1)
    learning_rate: tuple[float, ...] = option(
        (),
        "Rates to choose from; by default the task's, a third and three times it.",
        above=0,
    )
    epochs: int | None = option(
        None,
        "Passes over all labels, by default as finetune; more over fewer labels.",
        minimum=1,
    )
    samples_seen: int | None = option(
        None,
        "Photos that each pretraining sees in all its epochs, repeats counted; by "
        "default as many as pretrain takes of the largest pool.",
        minimum=1,
    )
    backbone: str | None = option(
        None,
        "That of all arms; by default what finetune takes by itself where an arm is "
        "imagenet, else with the first path among the arms, else with random weights.",
    )
    image_size: int | None = option(None, "As of finetune.", minimum=32)
    batch_size: int | None = option(None, "As of finetune.", minimum=2)
    finetune: str | None = option(
        None, "Further flags of every fine-tuning, in one text."
    )
    pretrain: str | None = option(
        None, "Further flags of every pretraining, in one text."
    )
    explain: bool = option(True, "Compare heat maps at the most labels.")
    budget: str | None = option(
        None, "Time to take, such as 20m or 2h: the grid is made smaller until it fits."
    )
    shard: str | None = option(
        None, "I/N: this process is the I-th of N that share --out."
    )
    cluster: str | None = option(
        None,
        "Ray cluster that runs the study: auto, HOST:PORT, ray://HOST:PORT or local.",
    )
    cpus_per_run: int | None = option(
        None,
        "CPUs of a run on --cluster; by default those of a node, shared by its GPUs.",
        minimum=1,
    )
    report: bool = option(False, "Write the report of what is done; run nothing.")
    cells: Path | None = option(
        None, "Folder of runs, such as an earlier study's; by default cells in --out."
    )
    out: Path | None = option(
        None, "Folder to write; by default one under runs/, named after the data."
    )
    seed: int = option(0, "First of the seeds.", minimum=0, maximum=2**31)

    def __post_init__(self):
        if self.budget is not None:
            parse_duration(self.budget, "--budget")
        for text in self.labels:
            if not _LABELS.fullmatch(text) or not 0 < float(text.rstrip("%")):
                raise ValueError(
                    f"--labels: expected shares such as 10% or numbers, got {text!r}"
                )
            if text.endswith("%") and float(text[:-1]) > 100:
                raise ValueError(f"--labels: expected at most 100%, got {text!r}")
        if self.unlabeled and self.arm:
            raise ValueError(
                "--unlabeled: each --arm names the photos of its pretrainings itself, "
                "as in ssl:DATA; leave --unlabeled out, or --arm"
            )
        if self.backbone == AUTO:
            raise ValueError("--backbone: all arms stand on one; name it")
        if self.shard is not None and self.cluster is not None:
            raise ValueError("--shard and --cluster exclude each other")
        if self.cpus_per_run is not None and self.cluster is None:
            raise ValueError(
                "--cpus-per-run: a setting of --cluster, which is not given, got "
                f"{self.cpus_per_run}"
            )
        self.shard_numbers  # noqa: B018 - refuses what is none

    @property
    def shard_numbers(self):
        """`(i, n)` of `--shard`, i from 0; `(0, 1)` without."""
        if self.shard is None:
            return 0, 1
        match = re.fullmatch(r"(\d+)/(\d+)", self.shard)
        number, total = map(int, match.groups()) if match else (0, 0)
        if not 1 <= number <= total:
            raise ValueError(
                f"--shard: expected I/N with I from 1 to N, got {self.shard!r}"
            )
        return number - 1, total

    def resolved(self):
        """The same settings with `out` filled in."""
        if self.out is not None:
            return self
        return dataclasses.replace(self, out=default_folder("study", self.data[0]))

    @property
    def cells_folder(self):
        """Where the runs lie."""
        return self.out / "cells" if self.cells is None else self.cells
