"""Settings that the tests of command lines parse."""

import dataclasses
from pathlib import Path
from typing import Literal

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.cli.flags import parse
from ssl_voc.cli.options import extended_by, option


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What the tests parse."""

    data: tuple[str, ...] = option(help="Photos.")
    image_size: int = option(96, "Side of a view in pixels.", minimum=32)
    learning_rate: float = option(0.5, "Rate.", above=0)
    crop_area: tuple[float, float] = option((0.2, 1.0), "Area of a crop.")
    deterministic: bool = option(False, "Same numbers.")
    objective: Literal["simclr", "supervised"] = option("simclr", "Objective.")
    weights: str | None = option(None, "Start.")
    out: Path | None = option(None, "Run folder.")
    epochs: int = option(36, "Passes.")
    overwrite: bool = option(False, "Replace the run.")

    def __post_init__(self):
        if self.crop_area[0] > self.crop_area[1]:
            raise ValueError("--crop-area: expected the smaller area first")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Positional:
    """A run to evaluate, and photos."""

    run: Path = option(help="Run folder.", positional=True)
    images: tuple[str, ...] = option((), "Photos.", positional=True)
    score: float = option(0.5, "Least score.")
    draw: bool = option(True, "Write pictures.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lengths:
    """Two settings of which one is given."""

    epochs: int | None = option(None, "Passes.")
    time: str | None = option(None, "Time to take.")

    def __post_init__(self):
        if self.epochs is not None and self.time is not None:
            raise ValueError("--epochs and --time exclude each other")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimCLR:
    """Settings of one choice."""

    temperature: float = option(0.15, "Of NT-Xent.", above=0)
    layers: int = option(2, "Layers of the head.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class VICReg:
    """Settings of another choice, and a default of its own for all."""

    variance: float = option(25.0, "Weight of the variance.", above=0)
    layers: int = option(3, "Layers of the head.")
    epochs: int = option(40, "Passes.", minimum=1)

    def __post_init__(self):
        super().__post_init__()
        if self.variance > self.epochs:
            raise ValueError("--variance: expected at most --epochs")


@extended_by("objective", {"simclr": SimCLR, "vicreg": VICReg})
@dataclasses.dataclass(frozen=True, kw_only=True)
class Extended:
    """What depends on no choice."""

    objective: str = option("simclr", "Objective.")
    epochs: int = option(36, "Passes.", minimum=1)

    def __post_init__(self):
        if self.epochs == 13:
            raise ValueError("--epochs: expected another number")


def read(*argv, config_class=Config):
    return parse(config_class, argv, "pretrain", "Learns from photos.")


def refusal(*argv, config_class=Config):
    with pytest.raises(BadInput) as raised:
        read(*argv, config_class=config_class)
    return str(raised.value)
