"""Command lines and config files."""

import copy
import dataclasses
import pickle
from pathlib import Path

import pytest

from ssl_voc.cli.config_file import config_to_dict, config_to_yaml, describe_config
from ssl_voc.cli.errors import BadInput
from ssl_voc.cli.flags import parse
from tests.cli.configs import (
    Config,
    Extended,
    Lengths,
    Positional,
    SimCLR,
    read,
    refusal,
)


@pytest.fixture
def config_file(tmp_path):
    def write(text):
        path = tmp_path / "config.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def test_every_kind_of_flag_is_read():
    config = read(
        *("--data", "a", "--data", "b", "--image-size", "64", "--deterministic"),
        *("--learning-rate=1e-3", "--crop-area", "0.1", "0.9", "--out", "runs/x"),
        *("--objective", "supervised", "--weights", "imagenet"),
    )
    assert config == Config(
        data=("a", "b"),
        image_size=64,
        deterministic=True,
        learning_rate=1e-3,
        crop_area=(0.1, 0.9),
        out=Path("runs/x"),
        objective="supervised",
        weights="imagenet",
    )


@pytest.mark.parametrize(
    ("text", "argv", "values"),
    [
        ("# only a remark\n", ["--data", "a"], {"data": ("a",)}),
        (
            "data: [a, b]\nimage_size: 64\nlearning_rate: 1e-3\n",
            ["--image-size", "128", "--data", "c"],
            {"data": ("c",), "image_size": 128, "learning_rate": 1e-3},
        ),
        (
            "data: a\ndeterministic: true\nweights: imagenet\n",
            ["--weights", "none"],
            {"data": ("a",), "deterministic": True},
        ),
        ("data: a\ndeterministic: true\n", ["--no-deterministic"], {"data": ("a",)}),
    ],
)
def test_flag_wins_over_file_and_file_over_default(config_file, text, argv, values):
    assert read("--config", config_file(text), *argv) == Config(**values)


@pytest.mark.parametrize(
    ("text", "flag", "values"),
    [
        ("time: 40m\n", "--epochs=9", {"epochs": 9}),
        ("epochs: 9\n", "--time=40m", {"time": "40m"}),
        ("epochs: 9\n", "--time=none", {"epochs": 9}),
    ],
)
def test_length_that_is_typed_wins_over_either_of_a_file(
    config_file, text, flag, values
):
    path = config_file(text)
    for named in ("--config", path), ("--resume", str(Path(path).parent)):
        assert read(*named, flag, config_class=Lengths) == Lengths(**values)
    assert "exclude" in refusal("--epochs=9", "--time=40m", config_class=Lengths)


def test_files_of_config_and_resume_are_found_below_the_home(
    config_file, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    config_file("data: a\n")
    assert read("--config=~/config.yaml") == Config(data=("a",))
    assert read("--resume=~/").out == tmp_path


def test_recorded_config_gives_the_same_config_again(config_file):
    others = {"out": Path("runs/x"), "weights": "yes", "deterministic": True}
    config = Config(data=("a b", "null", "1"), learning_rate=1e-05, **others)
    path = config_file(config_to_yaml(config_to_dict(config)))
    assert read("--config", path) == config


def test_resume_takes_the_settings_of_the_run_and_flags_win(tmp_path):
    config = Config(data=("a b",), learning_rate=1e-05, overwrite=True, epochs=4)
    run = tmp_path / "photos"
    run.mkdir()
    recorded = config_to_dict(config) | {"of_an_older_version": 1}
    (run / "config.yaml").write_text(config_to_yaml(recorded))
    resumed = dataclasses.replace(config, out=run, overwrite=False)
    assert read("--resume", str(run)) == resumed
    more = read("--resume", str(run), "--epochs", "9")
    assert more == dataclasses.replace(resumed, epochs=9)
    with pytest.raises(BadInput, match="photo does not exist.*mean .*photos"):
        read("--resume", str(tmp_path / "photo"))
    (run / "config.yaml").write_text("data: [a")
    assert refusal("--resume", str(run)).startswith("--resume: ")
    for other in (("--out", "x"), ("--overwrite",)):
        with pytest.raises(BadInput, match=f"--resume and {other[0]}"):
            read("--resume", str(run), *other)


def test_every_value_that_is_no_default_is_listed():
    config = Config(data=("a", "b"), out=Path("runs/x"), deterministic=True)
    lines = describe_config(config).splitlines()
    assert lines == [
        "data           a b",
        "deterministic  true",
        "out            runs/x",
    ]


@pytest.mark.parametrize(
    ("config_class", "argv", "message"),
    [
        (Config, "", "--data: required. Expected text. See "),
        (Config, "", " See python -m ssl_voc.pretrain --help"),
        (
            Config,
            "--image-size abc",
            "--image-size: expected an integer of at least 32",
        ),
        (Config, "--crop-area 0.5", "--crop-area: expected 2"),
        (Config, "--image-sise 96", "--image-size"),
        (Config, "--image 96", "--image: no such option. Did you mean --image-size?"),
        (Config, "--no-data", "--no-data: no such option"),
        (Config, "--deterministic=3", "--deterministic"),
        (Config, "-x", "-x: no such option"),
        (Config, "extra", "extra"),
        (Config, "--data a b", "argument 'b'. Most flags take one value; "),
        (Config, "learning-rate=3", "Did you mean --learning-rate?"),
        (Config, "-- --data", "unexpected argument '--data'"),
        (Config, "--data", "--data: expected one"),
        (Config, "--data a --crop-area 1 0.1", "the smaller area first"),
        (Config, "--config missing.yaml", "--config: cannot read missing.yaml"),
        (Config, "--config .", "--config: cannot read ."),
        (Positional, "", "RUN: required"),
        (Positional, "run --draw False", "got 'False'. Write --draw or --no-draw."),
        (Positional, "run --no-draw true x.jpg", "--no-draw: takes no value"),
        (Positional, "run source=x score=1", "'score=1'. Did you mean --score?"),
        # Settings that do not fit the choice:
        (Extended, "--variance 1", "of --objective vicreg; --objectiv"),
        (Extended, "--objective vicreg --temperature 0.15", "--objective simclr; "),
        (Extended, "--objective moco", "expected one of simclr, vicreg, got 'moco'"),
        (Extended, "--objective vicreg --variance 0", "--variance: expected a number "),
        (Extended, "--objective vicreg --variance 50", "at most --epochs"),
        (Extended, "--objective vicreg --epochs 13", "another number"),
        (Extended, "--varianse 1", "Did you mean --variance?"),
    ],
)
def test_wrong_command_line_is_refused_in_one_line(config_class, argv, message):
    said = refusal(*argv.split(), config_class=config_class)
    assert message in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("config_class", "text", "message"),
    [
        (Config, "data: a\nimage_sise: 96\n", "'image_sise'. Did you mean image_size?"),
        (Config, "data: a\nimage-size: 96\n", "Did you mean image_size?"),
        (Config, "data: a\nepoch_count: 3\n", "unknown key 'epoch_count'"),
        (Config, "data: a\nimage_size: 96.5\n", "image_size: expected an integer"),
        (Config, "data: a\ndata: b\n", "the key 'data' appears twice"),
        (Config, "- data\n", "must hold lines of `name: value`"),
        (Config, "1: 2\n", "must hold lines of `name: value`"),
        (Config, "data: [a\n", "is not valid YAML"),
        (Config, "data: !!python/object/apply:os.getcwd []\n", "is not valid YAML"),
        (Config, "config: other.yaml\n", "unknown key 'config'"),
        (Config, b"\xff\xfe\x00", "cannot read"),
        (Extended, "objective: vicreg\ntemperature: 0.2\n", "of --objective simclr; "),
    ],
)
def test_wrong_config_file_is_refused_by_name(config_file, config_class, text, message):
    path = config_file(text)
    said = refusal("--config", path, config_class=config_class)
    assert message in said
    assert path in said


def test_flags_stand_anywhere_between_positional_values():
    argv = ("--score", "0.9", "runs/a", "x.jpg", "--score=0.3", "--", "-y.jpg")
    config = read(*argv, config_class=Positional)
    images = ("x.jpg", "-y.jpg")
    assert config == Positional(run=Path("runs/a"), images=images, score=0.3)


def test_files_may_be_called_what_a_flag_might_take(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = "score=1", "false"
    for name in images:
        (tmp_path / name).touch()
    config = read("run", "score=1", "--draw", "false", config_class=Positional)
    assert config == Positional(run=Path("run"), images=images)
    config = read("run", "--draw", "--", "true", config_class=Positional)
    assert config.images == ("true",)


def test_choice_brings_its_settings_and_their_defaults():
    config = read(config_class=Extended)
    common, own = {"objective": "simclr", "epochs": 36}, {"temperature": 0.15}
    assert config_to_dict(config) == {**common, **own, "layers": 2}
    assert isinstance(config, Extended) and isinstance(config, SimCLR)
    config = read("--variance", "9", "--objective", "vicreg", config_class=Extended)
    assert (config.variance, config.layers, config.epochs) == (9.0, 3, 40)
    assert config == Extended(objective="vicreg", variance=9.0)
    assert dataclasses.replace(config, layers=5).layers == 5
    with pytest.raises(ValueError, match="simclr, vicreg"):
        Extended(objective="moco")
    with pytest.raises(TypeError, match="variance"):
        Extended(variance=1.0)


def test_config_of_a_choice_is_pickled_and_keeps_its_choice():
    config = Extended(objective="vicreg", layers=7)
    for again in (pickle.loads(pickle.dumps(config)), copy.deepcopy(config)):
        assert type(again) is type(config) and again == config
    assert (type(config).__module__, type(config).__qualname__) == (
        Extended.__module__,
        "Extended",
    )
    with pytest.raises(ValueError, match="--objective: expected 'vicreg'.* Extended"):
        dataclasses.replace(config, objective="simclr")


def test_choice_and_its_settings_come_from_a_file_too(config_file):
    config = Extended(objective="vicreg", layers=7)
    path = config_file(config_to_yaml(config_to_dict(config)))
    assert read("--config", path, config_class=Extended) == config
    # Files of before an objective had settings of its own list the defaults of all.
    path = config_file("objective: vicreg\ntemperature: 0.15\n")
    assert read("--config", path, config_class=Extended).objective == "vicreg"


def test_a_positional_value_may_be_typed_as_a_flag():
    def read(*argv):
        return parse(Positional, argv, "predict", "")

    assert read("--run", "a", "--images", "b").images == ("b",)
    assert read("a", "b", "--images", "c").images == ("b", "c")
    assert read("--run", "a", "b").images == ("b",)
