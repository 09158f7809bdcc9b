"""What every training command does alike: runtime, optimizer, compilation, the end."""

import contextlib
import os

import keras

from ssl_voc.optimizers.lars import LARS
from ssl_voc.runs.errors import BadInput, StoppedEarly

# Learning rates per 256 images and weight decays, by optimizer.
LEARNING_RATES = {"sgd": 1.0, "lars": 3.0, "adamw": 1e-3}
WEIGHT_DECAYS = {"sgd": 0.0, "lars": 1e-6, "adamw": 0.05}


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
    if backend == "tensorflow":
        import tensorflow as tf

        if deterministic:
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


def build_optimizer(
    name, learning_rate, weight_decay, batch_size, total_steps, warmup_share
):
    """Builds an optimizer whose rate warms up linearly and decays by half a cosine.

    Args:
        name: `"sgd"` (momentum 0.9), `"lars"` or `"adamw"`.
        learning_rate: Peak per 256 images, scaled linearly to `batch_size`; `None`
            takes the optimizer's entry in `LEARNING_RATES`.
        weight_decay: `None` takes the entry in `WEIGHT_DECAYS`. Biases and batch norms
            are left out of it.
        batch_size: Global batch size in images.
        total_steps: Number of steps of the whole run.
        warmup_share: Share of the steps spent warming up, in `[0, 1)`.

    Returns:
        A Keras optimizer.

    Reference:
        - [Goyal et al., 2017](https://arxiv.org/abs/1706.02677), linear scaling
        - [Loshchilov and Hutter, 2016](https://arxiv.org/abs/1608.03983), cosine
    """
    if learning_rate is None:
        learning_rate = LEARNING_RATES[name]
    if weight_decay is None:
        weight_decay = WEIGHT_DECAYS[name]
    peak = learning_rate * batch_size / 256
    schedule = warm_up_and_decay(peak, total_steps, warmup_share)
    if name == "lars":
        return LARS(schedule, momentum=0.9, weight_decay=weight_decay)
    if name == "sgd":
        optimizer = keras.optimizers.SGD(
            schedule, momentum=0.9, weight_decay=weight_decay
        )
    else:
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def warm_up_and_decay(peak, total_steps, warmup_share):
    """A learning rate that rises linearly to its peak and falls by half a cosine.

    Args:
        peak: Largest learning rate.
        total_steps: Number of steps until it is 0.
        warmup_share: Share of the steps until the peak, in `[0, 1)`.
    """
    warmup_steps = int(warmup_share * total_steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup_steps else peak,
        decay_steps=max(1, total_steps - warmup_steps),
        warmup_target=peak if warmup_steps else None,
        warmup_steps=warmup_steps,
    )


def reason_of_stop(error, failure=None):
    """Why training stopped, where neither the person nor the program is to blame.

    Args:
        error: What `fit` raised.
        failure: What the photos raised, if they did: under tf.data `fit` raises
            another error for it.

    Returns:
        One line, or None where the error is a defect.
    """
    if failure is not None:
        return str(failure)
    if isinstance(error, OSError):
        return f"the system refused: {error}"
    # Each backend has its own class for a device whose memory is full.
    names = {parent.__name__ for parent in type(error).__mro__}
    full = names & {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}
    if full or "RESOURCE_EXHAUSTED" in str(error):
        return "the memory is full. Try a smaller --batch-size, in a new --out"
    return None


def train_to_the_end(begin):
    """Runs a training, telling of what ends it early as commands do.

    Args:
        begin: Function that prepares the training and returns it: an object with
            `fit`, `finish`, `why_stopped` and `last_words`.

    Returns:
        What `finish` returned.

    Raises:
        BadInput: when data, weights or run folder cannot be worked with.
        StoppedEarly: when `why_stopped` has a reason; what was done is saved.
    """
    try:
        run = begin()
    except (ValueError, OSError) as error:
        raise BadInput(str(error)) from error
    try:
        run.fit()
        summary = run.finish()
    except StoppedEarly:
        raise
    except (Exception, KeyboardInterrupt) as error:
        reason = run.why_stopped(error)
        if reason is None:
            raise
        raise StoppedEarly(reason) from error
    print(run.last_words(summary), flush=True)
    return summary


def tensorboard_callbacks(folder):
    """Writes TensorBoard events, where tensorflow and tensorboard are installed."""
    try:
        import tensorboard  # noqa: F401
        import tensorflow  # noqa: F401
    except ImportError:
        return []  # Event files are TensorFlow's: without it the jsonl must do.
    return [keras.callbacks.TensorBoard(str(folder), write_graph=False)]
