"""Fields of a config: which values they take, and what a refusal says."""

import dataclasses
import math
from pathlib import Path
from typing import Literal

import pytest

from ssl_voc.cli.options import option, options_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """One field of each kind."""

    data: tuple[str, ...] = option(help="Photos.")
    image_size: int = option(96, "Side.", minimum=32, maximum=512)
    seed: int = option(0, "Seed.")
    momentum: float = option(0.9, "Momentum.", minimum=0, below=1)
    temperature: float = option(0.1, "Temperature.", above=0)
    crop_area: tuple[float, float] = option((0.2, 1.0), "Area.", above=0, maximum=1)
    deterministic: bool = option(False, "Same numbers.")
    objective: Literal["simclr", "supervised"] = option("simclr", "Objective.")
    weights: str | None = option(None, "Weights.")
    out: Path | None = option(None, "Folder.")
    run: Path = option(help="Run folder.", positional=True)


OPTIONS = options_of(Config)


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("image_size", "32", 32),
        ("image_size", 512, 512),
        ("momentum", "0", 0.0),
        ("temperature", "1e-3", 0.001),
        ("temperature", 2, 2.0),
        ("data", "photos", ("photos",)),
        ("data", ["a", "b"], ("a", "b")),
        ("crop_area", ("0.5", "1"), (0.5, 1.0)),
        ("crop_area", [0.5, 1], (0.5, 1.0)),
        ("deterministic", True, True),
        ("objective", "supervised", "supervised"),
        ("weights", "none", None),
        ("weights", None, None),
        ("weights", "imagenet", "imagenet"),
        ("out", "runs/a", Path("runs/a")),
        ("out", "none", None),
        ("out", "~/runs", Path.home() / "runs"),
    ],
)
def test_value_is_taken_in_the_type_of_its_field(name, given, value):
    converted = OPTIONS[name].convert(given)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("image_size", "abc", "expected an integer of at least 32 and at most 512, "),
        ("image_size", "31", "got '31'"),
        ("image_size", 513, "got 513"),
        ("image_size", "96.0", "expected an integer"),
        ("image_size", 96.0, "got 96.0"),
        ("seed", True, "expected an integer, got True"),
        ("image_size", None, "got None"),
        ("image_size", "none", "got 'none'"),
        ("momentum", "1", "expected a number of at least 0 and below 1, got '1'"),
        ("temperature", "0", "expected a number above 0, got '0'"),
        ("temperature", "nan", "got 'nan'"),
        ("temperature", math.inf, "got inf"),
        ("temperature", False, "got False"),
        ("temperature", [1.0], "got [1.0]"),
        ("crop_area", ["0.5"], "2 values, each a number above 0 and at most 1"),
        ("crop_area", [0.5, 1.5], "got 1.5"),
        ("data", [], "got []"),
        ("data", [1], "expected text, got 1"),
        ("data", [""], "got ''"),
        ("deterministic", "perhaps", "expected true or false, got 'perhaps'"),
        ("deterministic", 1, "got 1"),
        ("objective", "moco", "expected one of simclr, supervised, got 'moco'"),
        ("weights", 7, "expected text or none, got 7"),
        ("out", 7, "expected a path or none, got 7"),
    ],
)
def test_refusal_says_what_was_expected_and_what_came(name, given, message):
    with pytest.raises(ValueError) as raised:
        OPTIONS[name].convert(given)
    assert message in str(raised.value)


def test_flag_and_need_follow_from_the_field_whose_default_a_subclass_may_change():
    required = {item.flag for item in OPTIONS.values() if item.required}
    assert required == {"--data", "RUN"}
    assert OPTIONS["image_size"].flag == "--image-size"

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Larger(Config):
        image_size: int = 128

    given, larger = OPTIONS["image_size"], options_of(Larger)["image_size"]
    assert larger == dataclasses.replace(given, default=128)


@pytest.mark.parametrize("annotation", [dict, int | str, list[int], bytes])
def test_annotation_that_no_flag_can_carry_is_a_defect(annotation):
    config = dataclasses.make_dataclass("Config", [("field", annotation)])
    with pytest.raises(TypeError, match="`field` must be int, float"):
        options_of(config)
