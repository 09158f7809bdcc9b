"""Configs as plain values and as a list to read."""

import dataclasses
from pathlib import Path

from ssl_voc.cli.config_file import config_to_dict, describe_config


@dataclasses.dataclass(frozen=True)
class Config:
    """One value of each kind."""

    data: tuple[str, ...] = ("a", "b")
    crop_area: tuple[float, float] = (0.2, 1.0)
    out: Path | None = Path("runs/x")
    weights: str | None = None
    deterministic: bool = True


def test_values_are_plain():
    assert config_to_dict(Config()) == {
        "data": ["a", "b"],
        "crop_area": [0.2, 1.0],
        "out": "runs/x",
        "weights": None,
        "deterministic": True,
    }


def test_every_value_is_listed_as_resolved():
    assert describe_config(Config()).splitlines() == [
        "data           a b",
        "crop_area      0.2 1.0",
        "out            runs/x",
        "weights        none",
        "deterministic  true",
    ]
