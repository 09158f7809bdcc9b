"""The time that a training may take, and the epochs that fit into it."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from ssl_voc.finetune import FinetuneConfig
from ssl_voc.optimizers.schedule import WarmUpAndDecay
from ssl_voc.pretrain import PretrainConfig
from ssl_voc.training.time_budget import (
    TimeBudget,
    count_epochs,
    measure_step,
    pace_epochs,
)


@pytest.mark.parametrize("config", [PretrainConfig, FinetuneConfig])
def test_time_and_epochs_exclude_each_other(config):
    with pytest.raises(ValueError, match="--epochs and --time"):
        config(time="5m", epochs=3)
    assert config(time="5m").resolved().epochs is None
    assert config(time="5m").resolved().out == config().resolved().out


def test_a_run_cannot_be_finished_and_replaced():
    with pytest.raises(ValueError, match="--finish and --overwrite"):
        FinetuneConfig(finish=True, overwrite=True)


def test_a_staged_schedule_cannot_be_timed():
    with pytest.raises(ValueError, match="staged"):
        FinetuneConfig(time="5m", schedule="staged")


def test_epochs_fill_the_time_but_for_a_reserve():
    def seconds_of(number):
        return 5.0 * number

    assert count_epochs(100.0, seconds_of) == 18
    assert count_epochs(100.0, seconds_of, 0.95) == 19
    assert count_epochs(1.0, seconds_of) == 1
    assert count_epochs(-5.0, seconds_of) == 1


def test_the_pace_is_that_of_the_first_share_of_enough_epochs():
    numbers = (19, 20, 60, 210)
    assert [pace_epochs(number, 0.05) for number in numbers] == [0, 2, 3, 10]
    assert [pace_epochs(number, 0.25) for number in (3, 7, 210)] == [0, 2, 52]


def test_a_time_is_for_what_is_left_of_a_run_that_goes_on(monkeypatch, capsys):
    chosen = []
    run = SimpleNamespace(
        done_epochs=60,
        steps=2,
        timed_batches=lambda: (None, None),
        time_steps=lambda batches: lambda number: 25.0,
        measure_pause=lambda: 0.0,
        set_epochs=chosen.append,
    )
    monkeypatch.setattr(TimeBudget, "seconds_left", 1000.0)
    TimeBudget(run, "30m").plan()
    # 0.9 of the time, 50 s an epoch.
    assert chosen == [60 + 18]
    assert "18 more epochs of 2 steps fit into 30m" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("pace_begins", "epochs", "trained"),
    [
        # Of 100 s 96 are left for epochs of 1 s, half of them to be taken.
        (0, 6 + 48, [3, 6]),
        # From the fifth on, whose pace alone counts, they take 3 s; 92 are left.
        (4, 6 + 15, [5, 6]),
        (6, 10, []),
        (10, 10, []),
    ],
)
def test_the_pace_is_asked_where_it_holds(monkeypatch, pace_begins, epochs, trained):
    clock, asked = [0.0], []
    run = SimpleNamespace(
        done_epochs=2, pace_begins=pace_begins, config=SimpleNamespace(epochs=10)
    )

    def fit_until(end):
        asked.append(end)
        for epoch in range(run.done_epochs, end):
            clock[0] += 3.0 if pace_begins and epoch >= pace_begins else 1.0
        run.done_epochs = end

    run.fit_until = fit_until
    run.set_epochs = lambda number: setattr(run.config, "epochs", number)
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    TimeBudget(run, "100s").fit_to_pace(0.6, 0.5)
    assert (run.config.epochs, asked) == (epochs, trained)


def test_a_trial_leaves_no_trace_and_the_schedule_can_be_told_afterwards():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    rate = WarmUpAndDecay(0.1, 10, 0.2)
    model.compile(keras.optimizers.AdamW(rate), "mse")
    inputs = np.random.default_rng(0).normal(size=(64, 4))

    def batches():
        while True:
            yield inputs, inputs[:, :2]

    before = model.get_weights()
    assert 0.0 < measure_step(model, batches()) < 60.0
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert int(model.optimizer.iterations) == 0
    rate.set_total_steps(1000)
    model.fit(batches(), steps_per_epoch=100, shuffle=False, verbose=0)
    # Halfway up the warm-up of 200 steps, in the step that was compiled before.
    assert float(model.optimizer.learning_rate) == pytest.approx(0.05)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(model.optimizer))
    assert float(again._learning_rate(100)) == pytest.approx(0.05)
