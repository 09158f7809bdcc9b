"""`TrainingWatch`: NaN, and losses that stay at chance."""

import keras
import numpy as np
import pytest

from ssl_voc.callbacks import TrainingWatch
from ssl_voc.cli.errors import StoppedEarly


def run_epoch(watch, num_steps, epoch=0, **logs):
    """What `fit` tells the callback in one epoch."""
    watch.on_epoch_begin(epoch)
    for batch in range(num_steps):
        watch.on_train_batch_end(batch, {"loss": 1.0})
    watch.on_epoch_end(epoch, {"loss": 1.0, **logs})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["loss", "effective_rank"])
def test_nan_or_infinite_metrics_stop_at_the_end_of_the_epoch(name, value):
    with pytest.raises(StoppedEarly, match=f"{name} is {value}.*--learning-rate"):
        run_epoch(TrainingWatch(), 3, **{name: value})


def test_nan_loss_stops_inside_a_long_epoch():
    watch = TrainingWatch(check_every=50)
    watch.on_epoch_begin(0)
    with pytest.raises(StoppedEarly, match="loss is nan"):
        for batch in range(51):
            watch.on_train_batch_end(batch, {"loss": np.nan if batch >= 3 else 1.0})
    # Looked at once in 50 steps, not at each.
    assert batch == 50


def test_the_reason_names_what_is_saved():
    with pytest.raises(StoppedEarly, match="in epoch 1; nothing is saved yet.*t32.$"):
        run_epoch(TrainingWatch(), 3, epoch=0, loss=np.nan)
    with pytest.raises(StoppedEarly, match="5; epoch 4 is saved.*in a new --out"):
        run_epoch(TrainingWatch(), 3, epoch=4, loss=np.nan)


def test_steps_at_chance_before_a_restart_count_too():
    watch = TrainingWatch(patience_steps=1000)
    at_chance = {"loss": 5.5, "loss_over_chance": 1.0}
    watch.remember([at_chance] * 9, steps_per_epoch=111)
    with pytest.raises(StoppedEarly, match="for 1000 steps"):
        run_epoch(watch, 1, 9, loss_over_chance=1.0)
    watch = TrainingWatch(patience_steps=1000)
    below = {"loss": 5.0, "loss_over_chance": 0.9}
    watch.remember([at_chance, below, {"loss": None}, at_chance], steps_per_epoch=600)
    run_epoch(watch, 399, 4, loss_over_chance=1.0)
    with pytest.raises(StoppedEarly, match="for 1000 steps"):
        run_epoch(watch, 1, 5, loss_over_chance=1.0)


@pytest.mark.parametrize("patience_steps", [1, 999])
def test_patience_of_less_than_1000_steps_is_refused(patience_steps):
    with pytest.raises(ValueError, match=f"at least 1000.*={patience_steps}"):
        TrainingWatch(patience_steps=patience_steps)


def test_a_loss_at_chance_stops_at_the_step_of_the_patience_and_not_before():
    watch = TrainingWatch(patience_steps=1000, advice="Try --optimizer lars.")
    for epoch in range(9):
        run_epoch(watch, 111, epoch, loss_over_chance=1.2)  # 999 steps
    with pytest.raises(StoppedEarly, match="for 1000 steps.*Try --optimizer lars.$"):
        run_epoch(watch, 1, 9, loss_over_chance=0.999)


def test_one_epoch_below_chance_begins_the_count_anew():
    watch = TrainingWatch(patience_steps=1000)
    run_epoch(watch, 900, 0, loss_over_chance=1.0)
    run_epoch(watch, 900, 1, loss_over_chance=0.99)
    run_epoch(watch, 900, 2, loss_over_chance=1.0)
    with pytest.raises(StoppedEarly, match="for 1800 steps"):
        run_epoch(watch, 900, 3, loss_over_chance=1.0)


def test_models_without_a_chance_level_are_left_alone():
    watch = TrainingWatch(patience_steps=1000)
    for epoch in range(3):
        run_epoch(watch, 1000, epoch)


def test_fit_ends_with_the_reason():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e30), "mse")
    x = np.ones((8, 2), "float32")
    with pytest.raises(StoppedEarly, match="loss is (inf|nan)"):
        model.fit(
            x, x[:, :1], epochs=9, batch_size=2, verbose=0, callbacks=[TrainingWatch()]
        )
