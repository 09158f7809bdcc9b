"""`TrainingWatch`: NaN, and losses that stay at chance."""

import keras
import numpy as np
import pytest

from ssl_voc.callbacks import CollapseWatch, TrainingWatch
from ssl_voc.cli.errors import Diverged, StoppedEarly
from tests.callbacks.watched_epoch import run_epoch


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["loss", "effective_rank"])
def test_nan_or_infinite_metrics_stop_at_the_end_of_the_epoch(name, value):
    with pytest.raises(Diverged, match=f"{name} is {value}.*--learning-rate"):
        run_epoch(TrainingWatch(), 3, **{name: value})


@pytest.mark.parametrize(
    ("epoch", "reason"),
    [(0, "epoch 1. Try.*in a new --out"), (4, "epoch 5. Try.*in a new --out")],
)
def test_the_reason_names_what_is_saved(epoch, reason):
    with pytest.raises(StoppedEarly, match=reason):
        run_epoch(TrainingWatch(), 3, epoch, loss=np.nan)


@pytest.mark.parametrize("build", [TrainingWatch, CollapseWatch])
def test_metric_that_is_required_cannot_be_missing(build):
    run_epoch(build(required=True), 3, **{build.watched: 0.5})
    run_epoch(build(), 3, loss=0.5)
    with pytest.raises(ValueError, match=f"lack '{build.watched}'.*Received: loss"):
        run_epoch(build(required=True), 3, loss=0.5)


def test_nan_loss_stops_inside_a_long_epoch():
    watch = TrainingWatch(check_every=50)
    watch.on_epoch_begin(0)
    with pytest.raises(StoppedEarly, match="loss is nan"):
        for batch in range(51):
            watch.on_train_batch_end(batch, {"loss": np.nan if batch >= 3 else 1.0})
    # Looked at once in 50 steps, not at each.
    assert batch == 50


def test_nan_loss_stops_inside_an_epoch_of_several_steps_at_a_time():
    watch = TrainingWatch(check_every=50)
    watch.on_epoch_begin(0)
    with pytest.raises(StoppedEarly, match="loss is nan"):
        for batch in range(7, 999, 8):
            watch.on_train_batch_end(batch, {"loss": np.nan if batch > 7 else 1.0})
    assert batch == 63


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize(
    ("epochs", "num_steps"),
    [
        # Steps and share of the chance level of each epoch; sum at which it stops.
        ([(999, 1.0), (1, 1.2)], 1000),
        ([(900, 1.0), (900, 0.99), (900, 1.0), (900, 0.995)], 1800),
        ([(900, 1.0), (9000, None), (999, 1.0), (1, 1.0)], 1000),
    ],
)
def test_loss_at_chance_for_the_patience_stops(epochs, num_steps, restarted):
    watch = TrainingWatch(advice="Try --optimizer lars")
    *earlier, (last_steps, last_share) = epochs
    for steps, share in earlier:
        if restarted:
            watch.remember([{"loss": 5.5, "loss_over_chance": share}], steps)
        else:
            run_epoch(watch, steps, **{"loss_over_chance": share} if share else {})
    with pytest.raises(
        StoppedEarly, match=f"for {num_steps} steps.*lars, in a new --out.$"
    ):
        run_epoch(watch, last_steps, loss_over_chance=last_share)


@pytest.mark.parametrize("patience_steps", [1, 999])
def test_patience_of_less_than_1000_steps_is_refused(patience_steps):
    with pytest.raises(ValueError, match=f"at least 1000.*={patience_steps}"):
        TrainingWatch(patience_steps=patience_steps)


def test_fit_ends_with_the_reason():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e30), "mse")
    x = np.ones((8, 2), "float32")
    with pytest.raises(StoppedEarly, match="loss is (inf|nan)"):
        model.fit(
            x, x[:, :1], epochs=9, batch_size=2, verbose=0, callbacks=[TrainingWatch()]
        )
