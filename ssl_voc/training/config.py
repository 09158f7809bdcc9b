"""Settings shared by the training commands."""

import dataclasses
import hashlib
import re
from pathlib import Path
from typing import Literal

from ssl_voc.cli.durations import parse_duration
from ssl_voc.cli.options import option
from ssl_voc.runs.run_folder import NOT_SETTINGS
from ssl_voc.runs.start_rules import CHANGEABLE
from ssl_voc.training.input_checks import AUTO, backbone_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Settings that `pretrain` and `finetune` have in common.

    A command whose default is another states that alone: `epochs: int = 30`.
    """

    data: tuple[str, ...] = option(("scenes",), "Photos to learn from.")
    train_split: str | None = option(
        None,
        "Split of each --data to read; by default train, or all photos without one; to "
        "learn their labels train, else trainval, else all.",
    )
    out: Path | None = option(
        None, "Folder to write the run to; by default one under runs/."
    )
    overwrite: bool = option(False, "Replace the run that --out holds.")
    finish: bool = option(
        False, "Beside --resume RUN: end that run with the epochs it has."
    )
    backbone: str | None = option(
        None,
        "Such as ConvNeXtTiny or keras_cv:NAME, or a .keras file; by default that of "
        "--weights, or EfficientNetB1.",
    )
    weights: str | None = option(
        "auto",
        "Start of the backbone: imagenet, a run folder, a file or none (random "
        "weights); by default imagenet where it can be had.",
    )
    image_size: int = option(96, "Side of a view in pixels.", minimum=32)
    batch_size: int = option(128, "Photos in a step, over all devices.", minimum=2)
    epochs: int | None = option(
        None, "Passes over the photos; by default 36.", minimum=1
    )
    time: str | None = option(
        None, "Time that training may take, such as 40m or 2h, in place of --epochs."
    )
    learning_rate: float = option(help="Peak per 256 photos.", above=0)
    weight_decay: float = option(help="Decoupled weight decay.", minimum=0)
    warmup: float = option(
        0.05,
        "Share of the steps in which the learning rate rises.",
        minimum=0,
        below=1,
    )
    drop_connect: float = option(
        0.0,
        "Rate of blocks of the backbone left out at random (stochastic depth).",
        minimum=0,
        below=1,
    )
    crop_area: tuple[float, float] = option(
        (0.2, 1.0), "Smallest and largest share of a photo in a view.", above=0
    )
    color_strength: float = option(
        0.5, "Strength of random changes of color.", minimum=0
    )
    grayscale_rate: float = option(0.2, "Share of gray views.", minimum=0, maximum=1)
    flip_rate: float = option(
        0.5,
        "Share of mirrored views; 0 where left and right differ.",
        minimum=0,
        maximum=1,
    )
    device: str = option(
        "auto",
        "auto (as many accelerators as get 16 photos of a step each), cpu, gpu, or "
        "numbers of GPUs such as 0,1.",
    )
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = option(
        "float32", "Numbers that the model computes with; mixed is for GPUs."
    )
    jit_compile: Literal["auto", "on", "off"] = option(
        "auto", "Compile by XLA; auto does on accelerators only."
    )
    cache: Literal["auto", "memory", "disk", "none"] = option(
        "auto", "Where prepared photos are kept; auto: in memory up to 2 GiB."
    )
    seed: int = option(
        0, "Seed of weights, splits, views and order.", minimum=0, maximum=2**32 - 1
    )
    deterministic: bool = option(
        False, "Give the same weights for the same command, bit for bit."
    )

    def __post_init__(self):
        if self.finish and self.overwrite:
            raise ValueError("--finish and --overwrite exclude each other")
        if self.time is not None:
            if self.epochs is not None:
                raise ValueError("--epochs and --time exclude each other")
            parse_duration(self.time)
        if not re.fullmatch(r"auto|cpu|gpu|\d+(,\d+)*", self.device):
            raise ValueError(
                "--device: expected auto, cpu, gpu or numbers such as 0,1, got "
                f"{self.device!r}"
            )

    def with_folder(self, kind):
        """The same settings with `backbone` and `out` filled in.

        Without `out`, the run folder is named after the settings, so that the same
        command finds its run again.

        Args:
            kind: First part of the folder's name.
        """
        if self.backbone in (None, AUTO):
            self = dataclasses.replace(self, backbone=self._default_backbone())
        if self.out is not None:
            return self
        settings = dataclasses.asdict(self)
        for name in (*NOT_SETTINGS, *CHANGEABLE):
            settings.pop(name, None)
        digest = hashlib.sha256(repr(sorted(settings.items())).encode()).hexdigest()
        stem = Path(self.backbone).stem.lower().replace(":", "-")
        stem = f"{stem}-{self.image_size}px"
        out = Path("runs") / f"{kind}-{stem}-{digest[:6]}"
        return dataclasses.replace(self, out=out)

    def _default_backbone(self):
        return backbone_of(self.weights)
