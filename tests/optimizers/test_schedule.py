"""Optimizers by name, and the course of their learning rate."""

import keras
import numpy as np
import pytest

from ssl_voc.optimizers import LARS, schedule


def rate_at(optimizer, step):
    schedule = optimizer._learning_rate  # the schedule, not its value of now
    return float(schedule(step))


def build(name="sgd", learning_rate=0.8, weight_decay=0.0, warmup=0.1):
    return schedule.build_optimizer(
        name,
        learning_rate,
        weight_decay,
        batch_size=64,
        total_steps=100,
        warmup_share=warmup,
    )


@pytest.mark.parametrize("name", ["sgd", "lars", "adamw"])
def test_rate_warms_up_linearly_and_decays_by_half_a_cosine(name):
    optimizer = build(name)
    # Linear scaling from 256 images; an adaptive optimizer's is by the root.
    peak = 0.8 * (0.5 if name == "adamw" else 0.25)
    # 10 steps of warm-up, then 90 of cosine; step 55 is its middle.
    expected = {0: 0.0, 5: peak / 2, 10: peak, 55: peak / 2, 100: 0.0}
    for step, rate in expected.items():
        assert rate_at(optimizer, step) == pytest.approx(rate, abs=1e-7), step
    quarter = peak * 0.5 * (1 + np.cos(np.pi / 4))
    assert rate_at(optimizer, 32.5) == pytest.approx(quarter, rel=1e-5)


def test_without_warm_up_the_rate_begins_at_its_peak():
    optimizer = build(warmup=0.0)
    assert rate_at(optimizer, 0) == pytest.approx(0.2)
    assert rate_at(optimizer, 50) == pytest.approx(0.1)


@pytest.mark.parametrize("name", ["sgd", "lars", "adamw"])
def test_optimizer_of_a_name_has_the_rate_and_the_decay(name):
    optimizer = schedule.build_optimizer(name, 0.3, 0.01, 128, 10, 0.0)
    assert rate_at(optimizer, 0) == pytest.approx(0.212132 if name == "adamw" else 0.15)
    assert optimizer.get_config()["weight_decay"] == pytest.approx(0.01)
    assert isinstance(optimizer, LARS) == (name == "lars")
    assert name == "adamw" or optimizer.momentum == pytest.approx(0.9)


@pytest.mark.parametrize("name", ["sgd", "lars", "adamw"])
def test_decay_shrinks_kernels_but_no_bias_scale_or_offset(name):
    optimizer = build(name, learning_rate=4.0, weight_decay=0.1, warmup=0.0)
    shapes = {"kernel": (2, 2), "bias": (2,), "gamma": (2,), "beta": (2,)}
    variables = [
        keras.Variable(np.ones(shape, "float32"), name=key)
        for key, shape in shapes.items()
    ]
    zeros = [keras.ops.zeros(shape) for shape in shapes.values()]
    optimizer.apply(zeros, variables)
    values = [float(np.array(variable).mean()) for variable in variables]
    assert values[0] < 1.0 - 1e-4
    assert values[1:] == [1.0, 1.0, 1.0]
