"""Accelerators, precision, XLA and replicas of the Keras backend."""

import contextlib
import os

import keras


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
            to 7 times slower. The jax backend compiles always.

    Returns:
        Bool for the `jit_compile` argument of `compile`.
    """
    if choice != "auto":
        return choice == "on"
    backend = keras.backend.backend()
    return backend == "jax" or (backend == "tensorflow" and accelerators() > 0)


def replica_scope():
    """Context in which to build a model so that it trains on all accelerators."""
    backend = keras.backend.backend()
    if accelerators() > 1 and backend == "tensorflow":
        import tensorflow as tf

        return tf.distribute.MirroredStrategy().scope()
    if accelerators() > 1 and backend == "jax":
        keras.distribution.set_distribution(keras.distribution.DataParallel())
    return contextlib.nullcontext()
