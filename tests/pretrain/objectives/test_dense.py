"""`pretrain --objective dense`: the term of the cells, resuming, shallow backbones."""

import json

import keras
import numpy as np
import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.pretrain import pretrain
from ssl_voc.pretrain.objectives.dense import DenseObjective
from tests import tiny
from tests.pretrain.stopped import assert_same_training, rows_of, stop_after


@pytest.fixture(scope="module")
def deep_backbone(tmp_path_factory):
    """File of a small backbone down to stride 32."""
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("backbone") / "deep.keras"
    tiny.build_deep_backbone(32).save(path)
    return path


@pytest.fixture(scope="module")
def finished(place, deep_backbone, tmp_path_factory):
    """A run of three epochs."""
    out = tmp_path_factory.mktemp("dense") / "run"
    changes = {
        "objective": "dense",
        "backbone": str(deep_backbone),
        "learning_rate": 0.1,
        "smoothing": 0.0,  # which grows, and the loss with it
    }
    return out, pretrain(place.config(out, **changes, epochs=3)), changes


@pytest.mark.slow
def test_run_learns_from_views_and_cells(finished):
    run, summary, _ = finished
    rows = rows_of(run)
    assert summary["loss"] < rows[0]["loss"]
    assert summary["dense_loss"] < rows[0]["dense_loss"]
    assert 0.3 < summary["matched_share"] <= 1.0
    assert summary == json.loads((run / "summary.json").read_text()) | summary
    backbone = keras.models.load_model(run / "backbone.keras")
    assert backbone.input_shape == (None, 32, 32, 3)


@pytest.mark.slow
def test_stopped_it_goes_on_as_if_never_stopped(place, finished, tmp_path):
    whole, _, changes = finished
    out = tmp_path / "run"
    config = place.config(out, **changes, epochs=3)
    stop_after(1, config)
    pretrain(config)
    assert_same_training(out, whole)


def test_the_term_of_the_cells_comes_in_over_a_tenth_of_the_epochs(
    place, deep_backbone, tmp_path
):
    config = place.config(
        tmp_path / "run", objective="dense", epochs=40, dense_weight=0.3
    )
    objective = DenseObjective(config.resolved())
    model = objective.build_model(tiny.build_deep_backbone(32))
    assert model.dense_weight == 0.3 and model.temperature == config.temperature
    assert model.smoothing is objective.smoothing
    seen = []
    for epoch in (0, 1, 3, 4, 39):
        objective.anneal(epoch / 40)
        seen.append(float(model.ramp))
    np.testing.assert_allclose(seen, [0.125, 0.375, 0.875, 1.0, 1.0])


def test_a_shallow_backbone_is_refused_in_one_line(place, tmp_path):
    config = place.config(tmp_path / "run", objective="dense")
    with pytest.raises(BadInput, match="no feature map of stride 8.*deeper") as caught:
        pretrain(config)
    assert "\n" not in str(caught.value)
