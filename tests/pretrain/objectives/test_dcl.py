"""`pretrain --objective dcl`: small views first, annealed smoothing, resuming."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest

from ssl_voc.pretrain import PretrainConfig, pretrain
from ssl_voc.pretrain.objectives.dcl import DCLObjective
from ssl_voc.pretrain.run import PretrainingRun
from ssl_voc.runs.start_rules import read_manifest
from tests.pretrain.stopped import assert_same_training, rows_of, stop_after


@pytest.fixture(scope="module")
def finished(place, tmp_path_factory):
    """A run of three epochs, the first two on views of half the side."""
    out = tmp_path_factory.mktemp("dcl") / "run"
    changes = {"objective": "dcl", "image_size_start": 32, "image_size": 64}
    return out, pretrain(place.config(out, **changes, epochs=3)), changes


def test_run_goes_from_small_views_to_those_of_the_backbone_that_it_saves(finished):
    run, summary, _ = finished
    rows = rows_of(run)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert summary["loss"] < rows[0]["loss"]
    assert {"loss_over_chance", "contrastive_top1", "knn_top1"} <= summary.keys()
    backbone = keras.models.load_model(run / "backbone.keras")
    assert backbone.input_shape == (None, 64, 64, 3)


@pytest.mark.slow
@pytest.mark.parametrize("stopped_after", [1, 2])
def test_stopped_in_either_stage_it_goes_on_as_if_never_stopped(
    place, finished, tmp_path, stopped_after
):
    whole, _, changes = finished
    out = tmp_path / "run"
    config = place.config(out, **changes, epochs=3)
    stop_after(stopped_after, config)
    pretrain(config)
    assert_same_training(out, whole)


@pytest.mark.slow
def test_ended_early_a_run_trains_no_further(place, finished, tmp_path):
    _, _, changes = finished
    config = place.config(tmp_path / "run", **changes, epochs=3)
    stop_after(1, config)
    pretrain(dataclasses.replace(config, finish=True))
    assert [row["epoch"] for row in rows_of(tmp_path / "run")] == [1]
    backbone = keras.models.load_model(tmp_path / "run" / "backbone.keras")
    assert backbone.input_shape == (None, 64, 64, 3)
    # Where it goes on, views become large when they would have.
    assert read_manifest(tmp_path / "run")["stage_borders"] == [2]


@pytest.mark.slow
def test_more_epochs_go_on_with_the_large_views(place, finished, tmp_path, monkeypatch):
    whole, _, changes = finished
    shutil.copytree(whole, tmp_path / "run")
    sizes = []
    show = PretrainingRun._show_views_of
    monkeypatch.setattr(
        PretrainingRun,
        "_show_views_of",
        lambda run, size: (sizes.append(size), show(run, size)),
    )
    pretrain(place.config(tmp_path / "run", **changes, epochs=9))
    # Nine epochs would have six of small views, had the run not begun with three.
    assert sizes == [64]
    assert len(rows_of(tmp_path / "run")) == 9


def test_smoothing_follows_the_number_of_epochs(place, tmp_path):
    config = place.config(tmp_path / "run", objective="dcl", smoothing=0.2, epochs=10)
    objective = DCLObjective(config.resolved())
    seen = []
    for epoch in (0, 5, 9):
        objective.anneal(epoch / 10)
        seen.append(float(objective.build_loss().smoothing))
    np.testing.assert_allclose(seen, [0.0, 0.1, 0.1 * (1 - np.cos(0.9 * np.pi))])


def test_defaults_are_those_of_small_networks():
    config = PretrainConfig(objective="dcl")
    assert config.crop_area == (0.3, 1.0) and config.temperature == 0.1
