import os
import re
import sys
import types

import keras
import numpy as np
import pytest

from ssl_voc import devices
from ssl_voc.optimizers import LARS, schedule
from ssl_voc.training import lifecycle


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
    peak = 0.8 * 64 / 256  # linear scaling from 256 images
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
    assert rate_at(optimizer, 0) == pytest.approx(0.15)
    assert optimizer.get_config()["weight_decay"] == pytest.approx(0.01)
    assert isinstance(optimizer, LARS) == (name == "lars")


def test_sgd_and_lars_have_momentum():
    for name in ("sgd", "lars"):
        assert build(name).momentum == pytest.approx(0.9)


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


def test_lone_cpu_trains_on_one_device_without_xla():
    if devices.accelerators():
        pytest.skip("has an accelerator")
    on_jax = keras.backend.backend() == "jax"
    assert devices.should_jit_compile("auto") == on_jax
    with devices.replica_scope():
        assert keras.distribution.distribution() is None


def test_choice_of_xla_is_obeyed():
    assert devices.should_jit_compile("on") is True
    assert devices.should_jit_compile("off") is False


@pytest.mark.parametrize(
    ("backend", "num_accelerators", "expected"),
    [
        ("tensorflow", 0, False),
        ("tensorflow", 1, True),
        ("jax", 0, True),
        ("torch", 1, False),
    ],
)
def test_xla_by_default_where_it_is_the_fast_path(
    monkeypatch, backend, num_accelerators, expected
):
    monkeypatch.setattr(devices, "accelerators", lambda: num_accelerators)
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    assert devices.should_jit_compile("auto") is expected


def test_accelerators_are_the_devices_that_are_no_cpu(monkeypatch):
    names = ["cpu:0", "CPU:1", "gpu:0", "GPU:1", "tpu:0"]
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: names)
    assert devices.accelerators() == 3


class ResourceExhaustedError(Exception):
    """As TensorFlow calls it, which these tests need not have."""


@pytest.mark.parametrize(
    ("error", "failure", "reason"),
    [
        (OSError(28, "No space left", "a/b"), None, "No space left.*'a/b'"),
        (ResourceExhaustedError("OOM"), None, "memory is full.*--batch-size"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of"), None, "memory is full"),
        (MemoryError(), None, "memory is full"),
        (RuntimeError("pipeline"), ValueError("a.jpg is gone"), "^a.jpg is gone$"),
    ],
)
def test_what_neither_person_nor_program_did_is_told(error, failure, reason):
    assert re.search(reason, lifecycle.stop_reason(error, failure))


@pytest.mark.parametrize("error", [ValueError("shape"), KeyError("loss")])
def test_a_defect_is_no_reason(error):
    assert lifecycle.stop_reason(error) is None


def test_determinism_on_cuda_is_set_up_before_its_libraries_start(monkeypatch):
    demanded = []
    torch = types.SimpleNamespace(use_deterministic_algorithms=demanded.append)
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    monkeypatch.setattr(keras.utils, "set_random_seed", lambda seed: None)
    # Restores the absence, too.
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "x")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    devices.set_up_runtime(0, False, "float32")
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    devices.set_up_runtime(0, True, "float32")
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert demanded == [False, True]
