"""`pretrain --objective vicreg`: terms in the logs, no chance level, and resuming."""

import keras
import numpy as np
import pytest

from ssl_voc.cli.errors import StoppedEarly
from ssl_voc.losses import VICRegLoss
from ssl_voc.pretrain import PretrainConfig, pretrain
from ssl_voc.pretrain.objectives.vicreg import TERMS, VICRegObjective
from tests.callbacks.watched_epoch import run_epoch
from tests.pretrain.stopped import rows_of

CHANGES = {"objective": "vicreg", "learning_rate": 3.0, "covariance_weight": 2.0}


def test_run_logs_its_terms(place, tmp_path):
    out = tmp_path / "run"
    summary = pretrain(place.config(out, **CHANGES, epochs=2))
    rows = rows_of(out)
    assert [row["epoch"] for row in rows] == [1, 2]
    for row in (*rows, summary):
        # Nothing is compared with the chance level of another loss.
        assert "loss_over_chance" not in row and "contrastive_top1" not in row
        invariance, variance, covariance = (row[name] for name in TERMS)
        total = 25 * invariance + 25 * variance + 2 * covariance
        assert row["loss"] == pytest.approx(total, rel=1e-3)
    assert rows[1]["loss"] < rows[0]["loss"]
    assert "knn_top1_gain" in summary
    assert {path.name for path in out.glob("*.png")} == {"views.png", "curves.png"}
    text = (out / "config.yaml").read_text()
    assert "covariance_weight: 2.0" in text and "temperature" not in text


@pytest.mark.slow
def test_run_goes_on_under_the_same_settings(place, tmp_path):
    for epochs in (1, 2):
        pretrain(place.config(tmp_path / "run", **CHANGES, epochs=epochs))
    assert [row["epoch"] for row in rows_of(tmp_path / "run")] == [1, 2]


def test_a_spread_that_stays_small_is_taken_for_a_collapse():
    watch = VICRegObjective.__new__(VICRegObjective).build_watch()
    with pytest.raises(StoppedEarly, match="collapsed.*--variance-weight"):
        run_epoch(watch, 1000, spread=0.05)


def test_settings_give_the_loss_and_the_head(place, tmp_path):
    changes = {"variance_weight": 9.0, "hidden_dimensions": 12, "projection_layers": 2}
    config = place.config(tmp_path / "run", objective="vicreg", **changes).resolved()
    objective = VICRegObjective(config)
    arguments = objective.compile_arguments()
    assert (
        arguments["loss"].get_config().items()
        >= {
            "invariance_weight": 25.0,
            "variance_weight": 9.0,
            "covariance_weight": 1.0,
        }.items()
    )
    assert [metric.name for metric in arguments["metrics"]] == [*TERMS, "spread"]
    model = objective.build_model(keras.models.load_model(place.backbone))
    head = model.projection_head
    assert (head.hidden_dimensions, head.num_layers) == (12, 2)
    assert head.dimensions == PretrainConfig(objective="vicreg").projection_dimensions


@pytest.mark.parametrize(
    ("weights", "deviation"), [((25.0, 25.0), 0.25), ((1.0, 9.0), 1.0), ((0.0, 9.0), 1)]
)
def test_unrelated_views_lose_at_least_what_is_marked_as_chance(
    place, tmp_path, weights, deviation
):
    names = ("invariance_weight", "variance_weight")
    changes = dict(zip(names, weights, strict=True))
    config = place.config(tmp_path / "run", objective="vicreg", **changes).resolved()
    objective = VICRegObjective.__new__(VICRegObjective)
    objective.config = config
    pair = np.random.default_rng(0).normal(size=(2, 20000, 2)).astype("float32")
    chance = objective.loss_of_unrelated_views()
    assert float(VICRegLoss(*weights)(*deviation * pair)) == pytest.approx(
        chance, rel=0.02, abs=0.05
    )
    for other in (0.7 * deviation, 1.4 * deviation):
        assert float(VICRegLoss(*weights)(*other * pair)) > chance - 0.02


def test_compiled_model_saves_and_reloads_with_loss_and_terms(place, tmp_path):
    config = place.config(tmp_path / "run", objective="vicreg").resolved()
    objective = VICRegObjective(config)
    model = objective.build_model(keras.models.load_model(place.backbone))
    model.compile("sgd", run_eagerly=True, **objective.compile_arguments())
    images = objective.pool.gather(np.arange(8))
    model.fit(images, batch_size=8, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    again.run_eagerly = True  # Keras does not save it
    logs = again.evaluate(images, batch_size=8, return_dict=True, verbose=0)
    assert set(logs) == {"loss", "spread", *TERMS}
