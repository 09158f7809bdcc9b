"""Accelerators, precision, XLA and replicas of the Keras backend."""

import contextlib
import os

import keras

# Batch norms want as many.
PHOTOS_OF_REPLICA = 16


def set_up_runtime(seed, deterministic, precision):
    """Seeds everything, and makes kernels deterministic if asked.

    Args:
        seed: Non-negative integer for Python, NumPy and the Keras backend.
        deterministic: Whether to demand deterministic kernels: slower on a GPU. Under
            jax on a GPU they take `XLA_FLAGS=--xla_gpu_deterministic_ops=true`, set
            before the start.
        precision: Name of the global `keras.dtype_policies` policy.
    """
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(precision)
    backend = keras.backend.backend()
    if deterministic and backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif backend == "torch":
        import torch

        if deterministic:
            # Read when cuBLAS starts; without it, torch refuses matrix products.
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(deterministic)


def accelerators():
    """Number of accelerators (GPU or TPU) that the Keras backend can use."""
    if keras.backend.backend() == "torch":
        import torch

        return torch.cuda.device_count()  # `keras.distribution` knows no torch
    names = keras.distribution.list_devices()
    return sum(not name.lower().startswith("cpu") for name in names)


def should_jit_compile(choice):
    """Whether the train step is compiled by XLA.

    Args:
        choice: `"on"`, `"off"`, or `"auto"`: on accelerators, where it is the fast
            path, but not on a CPU under tensorflow, where depthwise convolutions ran 6
            to 7 times slower, and not inside a `tf.distribute` strategy, whose
            variables lie on several devices. The jax backend compiles always.

    Returns:
        Bool for the `jit_compile` argument of `compile`.

    Raises:
        ValueError: for `"on"` inside such a strategy.
    """
    backend, is_spread = keras.backend.backend(), False
    if backend == "tensorflow":
        import tensorflow as tf

        is_spread = tf.distribute.has_strategy()
    if choice == "on" and is_spread:
        raise ValueError(
            "--jit-compile on: under tensorflow XLA compiles no step of several "
            "accelerators. Leave the flag out, or train on one by --device 0."
        )
    if choice != "auto":
        return choice == "on"
    is_accelerated = backend == "tensorflow" and accelerators() > 0
    return backend == "jax" or (is_accelerated and not is_spread)


def replica_scope(batch_size, device="auto"):
    """Context in which to build a model so that it trains on several accelerators.

    On as many as divide a batch, under tensorflow into parts of 16 photos or more, as
    batch norms see those of one accelerator alone there; or on all, where their
    numbers are given.

    Args:
        batch_size: Photos in a step.
        device: Value of `--device`.

    Raises:
        ValueError: when jax cannot share a batch among the accelerators.
    """
    backend, number = keras.backend.backend(), accelerators()
    if backend == "torch" or number < 2:
        return contextlib.nullcontext()
    used = replicas_for(batch_size, device)
    if used < number:
        print(
            f"devices: {used} of {number}, which get {batch_size // used} photos of a "
            f"step each (--batch-size {PHOTOS_OF_REPLICA * number} for all, or "
            "--device)",
            flush=True,
        )
    if backend == "jax":
        if batch_size % used:
            raise ValueError(
                f"--batch-size: jax shares a batch among {used} devices. Expected a "
                f"multiple of {used}, got {batch_size}."
            )
        chosen, distribution = keras.distribution.list_devices()[:used], None
        if used > 1:
            distribution = keras.distribution.DataParallel(devices=chosen)
        keras.distribution.set_distribution(distribution)  # also over that of before
    elif used > 1:
        import tensorflow as tf

        names = [device.name for device in tf.config.list_logical_devices("GPU")]
        return tf.distribute.MirroredStrategy(names[:used] or None).scope()
    return contextlib.nullcontext()


def replicas_for(batch_size, device="auto"):
    """Number of accelerators that `replica_scope` takes.

    Args:
        batch_size: Photos in a step.
        device: Value of `--device`.
    """
    number = accelerators()
    if device not in ("auto", "gpu"):
        return max(1, number)
    is_jax = keras.backend.backend() == "jax"
    most = batch_size // (1 if is_jax else PHOTOS_OF_REPLICA)
    numbers = range(1, min(number, most) + 1)
    return max((n for n in numbers if batch_size % n == 0), default=1)
