"""Settings of a pretraining: what fits together, and what follows from what."""

import re

import pytest

from ssl_voc.callbacks import TrainingWatch
from ssl_voc.cli.flags import parse
from ssl_voc.pretrain import PretrainConfig, main
from ssl_voc.pretrain.config import LEAST_STEPS, choose_batch_size
from ssl_voc.pretrain.objectives.base import PretrainingObjective
from tests.interpreters import REPOSITORY


def test_default_run_folder_is_found_again_by_the_same_settings():
    resolved = PretrainConfig(data=("photos",)).resolved()
    assert resolved.out == PretrainConfig(data=("photos",), epochs=99).resolved().out
    assert resolved.out != PretrainConfig(data=("photos",), seed=1).resolved().out
    assert (resolved.resize_size, resolved.weight_decay) == (112, 0.0)


@pytest.mark.parametrize(
    ("objective", "optimizer", "rate"),
    [
        ("simclr", "sgd", 1.0),
        ("simclr", "adamw", 1e-3),
        ("supervised", "sgd", 0.1),
        ("supervised", "adamw", 1e-3),
        ("vicreg", "lars", 3.0),
        ("vicreg", "sgd", 0.01),
    ],
)
def test_default_learning_rate_depends_on_objective_optimizer_and_start(
    objective, optimizer, rate
):
    config = PretrainConfig(objective=objective, optimizer=optimizer)
    assert config.resolved().learning_rate is None  # before the start is known
    assert config.default_learning_rate(False) == rate
    assert config.default_learning_rate(True) == pytest.approx(rate / 10)


@pytest.mark.parametrize(
    ("num_photos", "batch_size"),
    [
        (2, 16),
        (163, 16),
        (600, 32),
        (1_200, 64),
        (2_047, 64),
        (2_048, 128),
        (9_999, 128),
    ],
)
def test_few_photos_are_learned_in_small_batches(num_photos, batch_size):
    assert choose_batch_size(num_photos) == batch_size


def test_a_loss_at_chance_ends_the_shortest_default_run_half_way():
    assert TrainingWatch().patience_steps <= LEAST_STEPS / 2


def test_make_pretrain_begins_with_random_weights_on_the_drawn_scenes():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    (file,) = re.findall(r"ssl_voc\.pretrain[\s\\]+--config (\S+)", makefile)
    flags = ["--config", str(REPOSITORY / file)]
    config = parse(PretrainConfig, flags, "pretrain", "")
    assert (config.data, config.weights) == (("scenes",), None)
    assert (config.image_size, config.batch_size, config.epochs) == (64, 64, 12)
    # Without --backbone it is the network that the file names.
    named = (REPOSITORY / file).read_text(encoding="utf-8")
    assert config.resolved().backbone in named


def test_layers_and_losses_have_the_defaults_of_the_command():
    from ssl_voc.layers import SimCLRAugmenter
    from ssl_voc.losses import NTXentLoss

    config = PretrainConfig(data=("photos",))
    arguments = PretrainingObjective(config).augmenter_arguments()
    settings = SimCLRAugmenter(96).get_config()
    assert {name: settings[name] for name in arguments} == {**arguments, "seed": None}
    assert NTXentLoss().temperature == config.temperature


def test_views_are_drawn_as_the_flags_say():
    from ssl_voc.layers import SimCLRAugmenter

    rates = {
        "flip_rate": 0.0,
        "color_strength": 0.25,
        "grayscale_rate": 0.3,
        "blur_rate": 0.4,
        "solarize_rate": 0.6,
    }
    config = PretrainConfig(data=("photos",), crop_area=(0.5, 0.9), **rates)
    arguments = PretrainingObjective(config.resolved()).augmenter_arguments()
    augmenter = SimCLRAugmenter(**arguments)
    assert augmenter.area_range == (0.5, 0.9)
    assert {name: getattr(augmenter, name) for name in rates} == rates


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ("--image-size 96 --resize-size 64", "--resize-size"),
        ("--crop-area 0.9 0.2", "--crop-area"),
        ("--crop-area 0.2 1.5", "--crop-area"),
        ("--image-size 31", "--image-size"),
        (f"--seed {2**32}", "--seed"),
        ("--objective simsiam", "--objective"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(flags, named, capsys):
    assert main(flags.split()) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"error: {named}:")


@pytest.mark.parametrize(
    ("objective", "flag", "owner"),
    [
        ("supervised", "--temperature", "simclr"),
        ("supervised", "--projection-layers", "simclr"),
        ("simclr", "--dropout", "supervised"),
        ("simclr", "--val-share", "supervised"),
    ],
)
def test_a_setting_of_another_objective_is_refused(objective, flag, owner, capsys):
    assert main(["--objective", objective, flag, "1"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"error: {flag}: ") and f"--objective {owner}" in line
