"""The weights that `--weights auto` finds, and that a run keeps to them."""

import dataclasses
import errno
import re
import socket
from types import SimpleNamespace

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format
from keras.src.utils import file_utils

from ssl_voc.cli.errors import BadInput
from ssl_voc.models.imagenet_download import WeightsUnavailable
from ssl_voc.pretrain import PretrainConfig
from ssl_voc.training.initial_backbone import (
    build_initial_backbone,
    describe_odd_size,
    starts_trained,
)
from ssl_voc.training.input_checks import DEFAULT_BACKBONE, refuse_missing_inputs
from tests import tiny

NAME = "MobileNetV3Small"


@pytest.fixture
def run(tmp_path):
    """What a training asks of its run folder: a manifest, and checkpoints."""
    manifest = {}
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    return SimpleNamespace(
        path=tmp_path / "run", manifest=manifest, update_manifest=manifest.update
    )


def config(**changes):
    return PretrainConfig(**{"backbone": NAME, "image_size": 32, **changes}).resolved()


@pytest.fixture
def download(monkeypatch, tmp_path):
    """A file that Keras "downloads"; the calls are counted."""
    source = getattr(keras.applications, NAME)(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    tiny.randomize(source)
    path = tmp_path / "no_top.h5"
    with h5py.File(path, "w") as file:  # in the format of Keras 2, as Keras' files
        legacy_h5_format.save_weights_to_hdf5_group(file, source)
    calls = []

    def get_file(*_, **__):
        calls.append(socket.getdefaulttimeout())
        return str(path)

    monkeypatch.setattr(file_utils, "get_file", get_file)
    return source, calls


@pytest.fixture
def built(monkeypatch):
    """Names and weights of the backbones that are built, tiny ones in their place.

    While it is `offline`, ImageNet's weights cannot be had.
    """
    built = SimpleNamespace(calls=[], offline=False)

    def backbone(name, image_size, weights, drop_connect):
        built.calls.append((name, weights))
        if built.offline and weights == "imagenet":
            raise WeightsUnavailable("There is no network.")
        return tiny.build_backbone(image_size)

    monkeypatch.setattr("ssl_voc.models.backbone", backbone)
    return built


def test_imagenet_weights_are_taken_where_they_can_be_had(run, download, capsys):
    source, calls = download
    model = build_initial_backbone(config(), run)
    assert run.manifest == {"weights": "imagenet"}
    assert "ImageNet" in capsys.readouterr().out
    assert calls and min(calls) > 0 and socket.getdefaulttimeout() is None
    for found, given in zip(model.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(found, given)


def test_without_a_network_they_are_random_and_the_run_keeps_to_that(run, capsys):
    first = build_initial_backbone(config(), run)
    assert run.manifest == {"weights": None}
    assert "random weights" in capsys.readouterr().out
    assert first.output_shape == (None, 1, 1, 576)


def test_a_run_does_not_change_its_start(run, built):
    run.manifest["weights"] = None
    build_initial_backbone(config(), run)
    assert run.manifest == {"weights": None}
    run.manifest["weights"] = "imagenet"
    build_initial_backbone(config(), run)
    # What a checkpoint holds is not downloaded again.
    (run.path / "checkpoints" / "epoch_00001.npz").write_bytes(b"")
    build_initial_backbone(config(), run)
    assert built.calls == [(NAME, None), (NAME, "imagenet"), (NAME, None)]


def test_a_run_with_a_checkpoint_needs_its_weights_no_more(run, tmp_path):
    backbone = tiny.save_backbone(tmp_path / "tiny.keras")
    weights = tmp_path / "gone.keras"
    gone = config(backbone=str(backbone), weights=str(weights), out=run.path)
    with pytest.raises(BadInput, match="--weights: .*gone.keras does not exist"):
        refuse_missing_inputs(gone)
    with pytest.raises(FileNotFoundError, match="gone.keras"):
        build_initial_backbone(gone, run)
    (run.path / "checkpoints" / "epoch_00001.npz").write_bytes(b"")
    refuse_missing_inputs(gone)
    assert build_initial_backbone(gone, run).count_params()
    with pytest.raises(BadInput, match="--weights"):
        refuse_missing_inputs(dataclasses.replace(gone, overwrite=True))


@pytest.mark.parametrize(
    ("weights", "backbone"), [(None, NAME), ("imagenet", DEFAULT_BACKBONE)]
)
def test_backbone_may_depend_on_the_weights_that_are_found(
    run, built, capsys, weights, backbone
):
    built.offline = weights is None
    settings = dataclasses.replace(config(), backbone="auto")
    build_initial_backbone(settings, run, NAME)
    assert run.manifest == {"weights": weights, "backbone": backbone}
    assert ("--backbone" in capsys.readouterr().out) == (weights is None)
    build_initial_backbone(settings, run, NAME)
    assert built.calls[0] == (DEFAULT_BACKBONE, "imagenet")  # is tried first
    assert built.calls[-2:] == [(backbone, weights)] * 2


@pytest.mark.parametrize(
    ("settings", "recorded", "is_trained"),
    [
        ({"weights": "auto"}, None, False),
        ({"weights": "auto"}, "imagenet", True),
        ({"weights": None}, "imagenet", False),
        ({"weights": "runs/photos"}, None, True),
        ({"weights": None, "backbone": "mine.keras"}, None, True),
    ],
)
def test_weights_of_imagenet_a_run_or_a_file_are_trained(
    run, settings, recorded, is_trained
):
    run.manifest["weights"] = recorded
    assert starts_trained(config(**settings), run) == is_trained


def test_a_full_disk_is_not_a_reason_for_random_weights(run, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(file_utils, "get_file", fail)
    with pytest.raises(ValueError, match="disk is full"):
        build_initial_backbone(config(), run)
    assert run.manifest == {}


@pytest.mark.parametrize(
    "name",
    # KerasCV alone takes seconds to import.
    [pytest.param("keras_cv:ResNet18V2Backbone", marks=pytest.mark.slow), "file"],
)
def test_backbones_without_imagenet_weights_start_as_they_are(run, tmp_path, name):
    if name == "file":
        name = str(tiny.save_backbone(tmp_path / "tiny.keras"))
    model = build_initial_backbone(config(backbone=name), run)
    assert run.manifest == {"weights": None}
    if name.endswith(".keras"):
        given = keras.models.load_model(name).get_weights()
        for found, expected in zip(model.get_weights(), given, strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("size", "rows", "words"),
    [
        (100, 4, "100 px is no multiple of 32; .* pads it to 4 x 4 .* 128 px"),
        (100, 3, "crops it to 3 x 3 .* 96 px"),
    ],
)
def test_size_that_is_no_multiple_of_the_stride_is_told_in_one_line(size, rows, words):
    assert re.search(
        words, describe_odd_size(size, rows)
    ) and "\n" not in describe_odd_size(size, rows)


@pytest.mark.parametrize("size", [32, 96, 160])
def test_sizes_of_whole_cells_are_not_worth_a_word(size):
    assert describe_odd_size(size, size // 32) is None


def test_rows_of_a_backbone_are_those_that_the_line_tells(run, capsys):
    model = build_initial_backbone(config(image_size=40, weights=None), run)
    assert model.output_shape[1:3] == (2, 2)
    assert "pads it to 2 x 2 cells" in capsys.readouterr().out
