"""Accelerators, XLA and determinism of the Keras backend."""

import os
import sys
import types

import keras
import pytest

from ssl_voc import devices


def test_lone_cpu_trains_on_one_device_without_xla():
    if devices.accelerators():
        pytest.skip("has an accelerator")
    on_jax = keras.backend.backend() == "jax"
    assert devices.should_jit_compile("auto") == on_jax
    assert devices.should_jit_compile("on") is True
    assert devices.should_jit_compile("off") is False
    with devices.replica_scope(64):
        assert keras.distribution.distribution() is None


@pytest.mark.parametrize(
    ("batch_size", "num_devices", "expected"),
    [(128, 8, 8), (128, 6, 4), (96, 8, 6), (16, 8, 1), (8, 8, 1), (48, 2, 2)],
)
def test_replicas_divide_the_batch_and_get_enough_of_it(
    monkeypatch, batch_size, num_devices, expected
):
    monkeypatch.setattr(devices, "accelerators", lambda: num_devices)
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    assert devices.replicas_for(batch_size) == expected
    assert devices.replicas_for(batch_size, "0,1") == num_devices
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert batch_size % devices.replicas_for(batch_size) == 0


def test_a_batch_that_jax_cannot_share_is_an_error(monkeypatch):
    monkeypatch.setattr(devices, "accelerators", lambda: 2)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="--batch-size: .*multiple of 2, got 15"):
        devices.replica_scope(15, "0,1")


def test_devices_that_stay_idle_are_told(monkeypatch, capsys):
    monkeypatch.setattr(devices, "accelerators", lambda: 8)
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    with devices.replica_scope(16):
        assert "devices: 1 of 8" in capsys.readouterr().out


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


def test_no_xla_on_the_devices_of_a_strategy(monkeypatch):
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("strategies are tensorflow's")
    monkeypatch.setattr(devices, "accelerators", lambda: 2)
    assert devices.should_jit_compile("auto")
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        assert not devices.should_jit_compile("auto")
        assert not devices.should_jit_compile("off")
        with pytest.raises(ValueError, match="--jit-compile on.*--device 0"):
            devices.should_jit_compile("on")


def test_accelerators_are_the_devices_that_are_no_cpu(monkeypatch):
    names = ["cpu:0", "CPU:1", "gpu:0", "GPU:1", "tpu:0"]
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: names)
    assert devices.accelerators() == 3


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
