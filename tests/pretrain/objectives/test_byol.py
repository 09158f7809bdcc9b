"""`pretrain --objective byol`: figures, annealing, collapse, resuming."""

import math

import numpy as np
import pytest

from ssl_voc.callbacks import CollapseWatch
from ssl_voc.cli.errors import StoppedEarly
from ssl_voc.pretrain import pretrain
from ssl_voc.pretrain.objectives.byol import BYOLObjective
from tests.callbacks.watched_epoch import run_epoch
from tests.pretrain.stopped import arrays_in, assert_same_training, rows_of, stop_after


@pytest.fixture(scope="module")
def finished(place, tmp_path_factory):
    """A run of three epochs."""
    out = tmp_path_factory.mktemp("byol") / "run"
    config = place.config(out, objective="byol", epochs=3, learning_rate=0.1)
    return out, pretrain(config)


def test_run_tells_its_spread_and_no_share_of_chance(finished):
    run, summary = finished
    for row in (*rows_of(run), summary):
        assert "loss_over_chance" not in row and "contrastive_top1" not in row
        assert 0.0 < row["spread"] <= 1.0 and 0.0 < row["loss"] < 4.0
    assert rows_of(run)[-1]["loss"] < rows_of(run)[0]["loss"]
    assert "knn_top1_gain" in summary
    assert {path.name for path in run.glob("*.png")} == {"views.png", "curves.png"}
    assert "teacher_momentum: 0.99" in (run / "config.yaml").read_text()


def test_checkpoint_holds_the_momenta_of_the_last_epoch(finished):
    run, _ = finished
    arrays = arrays_in(run)
    momenta = [a for name, a in arrays.items() if a.shape == () and 0.98 < a < 1.0]
    # 1 - 0.01 (1 + cos(2 pi / 3)) / 2, of backbone and head
    expected = 1 - 0.005 * (1 + math.cos(2 * math.pi / 3))
    np.testing.assert_allclose(momenta, [expected] * 2, rtol=1e-6)


@pytest.mark.slow
def test_stopped_it_goes_on_as_if_never_stopped(place, finished, tmp_path):
    out = tmp_path / "run"
    config = place.config(out, objective="byol", epochs=3, learning_rate=0.1)
    stop_after(2, config)
    pretrain(config)
    assert_same_training(out, finished[0])


def test_saved_backbone_is_the_student_alone(finished):
    import keras

    backbone = keras.models.load_model(finished[0] / "backbone.keras")
    assert len(backbone.weights) == 2 * 5  # kernels and batch norms of two stages


def test_a_spread_that_stays_small_is_taken_for_a_collapse():
    watch = BYOLObjective.__new__(BYOLObjective).build_watch()
    with pytest.raises(StoppedEarly, match="collapsed.*--teacher-momentum"):
        run_epoch(watch, 1000, spread=0.05)


@pytest.mark.slow
def test_collapse_ends_the_run_with_a_reason(place, tmp_path, monkeypatch):
    monkeypatch.setattr(CollapseWatch, "_count", count_a_thousandfold)
    config = place.config(tmp_path / "run", objective="byol", epochs=3)
    with pytest.raises(StoppedEarly, match="collapsed.*--teacher-momentum"):
        pretrain(config)


def count_a_thousandfold(self, logs, num_steps):
    """A thousand collapsed steps of an epoch that has but a few, and any spread."""
    self._stuck_steps = 1000 * num_steps if logs["spread"] < 0.999 else 0
