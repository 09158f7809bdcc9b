"""Optimizers with linear warm-up and cosine decay, and the decay of averages."""

import math

import keras
from keras import ops

from ssl_voc.optimizers.lars import LARS


def build_optimizer(
    name, learning_rate, weight_decay, batch_size, total_steps, warmup_share
):
    """Builds an optimizer whose rate warms up linearly and decays by half a cosine.

    Args:
        name: `"sgd"` (momentum 0.9), `"lars"` or `"adamw"`.
        learning_rate: Peak per 256 images, scaled to `batch_size`: linearly, that of
            AdamW by the square root.
        weight_decay: Weight decay. Biases and batch norms are left out of it. That of
            SGD is decoupled: at momentum 0.9 torch's, which goes through the momentum,
            is ten times as strong by the same number.
        batch_size: Global batch size in images.
        total_steps: Number of steps of the whole run.
        warmup_share: Share of the steps spent warming up, in `[0, 1)`.

    Returns:
        A Keras optimizer.

    Reference:
        - [Goyal et al., 2017](https://arxiv.org/abs/1706.02677), linear scaling
        - [Malladi et al., 2022](https://arxiv.org/abs/2205.10287), of adaptive ones
        - [Loshchilov and Hutter, 2016](https://arxiv.org/abs/1608.03983), cosine
    """
    scale = batch_size / 256
    peak = learning_rate * (math.sqrt(scale) if name == "adamw" else scale)
    schedule = WarmUpAndDecay(peak, total_steps, warmup_share)
    if name == "lars":
        return LARS(schedule, momentum=0.9, weight_decay=weight_decay)
    if name == "sgd":
        optimizer = keras.optimizers.SGD(
            schedule,
            momentum=0.9,
            weight_decay=weight_decay or None,  # 0 costs a pass
        )
    elif name == "adamw":
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=weight_decay)
    else:
        raise ValueError(
            f"`name` must be one of sgd, lars, adamw. Received: name={name!r}"
        )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


@keras.saving.register_keras_serializable(package="ssl_voc")
class WarmUpAndDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly to its peak and falls by half a cosine.

    The number of steps is a variable: it can be set when a trial has told how many
    there will be, and under tensorflow and torch nothing is compiled again for that.

    Args:
        peak: Largest learning rate.
        total_steps: Number of steps until it is 0.
        warmup_share: Share of the steps until the peak, in `[0, 1)`.

    Reference:
        - [Loshchilov and Hutter, 2016](https://arxiv.org/abs/1608.03983), section 3
    """

    def __init__(self, peak, total_steps, warmup_share):
        super().__init__()
        self.peak = float(peak)
        self.warmup_share = float(warmup_share)
        self._total = keras.Variable(float(total_steps), trainable=False)

    @property
    def total_steps(self):
        """Number of steps until the rate is 0."""
        return int(ops.convert_to_numpy(self._total))

    def set_total_steps(self, total_steps):
        """Sets another number of steps."""
        self._total.assign(float(total_steps))

    def __call__(self, step):
        step = ops.cast(step, "float32")
        total = ops.convert_to_tensor(self._total)
        warmup = ops.floor(self.warmup_share * total)
        rising = step / ops.maximum(warmup, 1.0)
        done = (step - warmup) / ops.maximum(total - warmup, 1.0)
        falling = 0.5 * (1.0 + ops.cos(math.pi * ops.clip(done, 0.0, 1.0)))
        return self.peak * ops.where(step < warmup, rising, falling)

    def get_config(self):
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup_share": self.warmup_share,
        }


def early_decay(decay, steps):
    """Decay of a moving average, less at first, so that it forgets how it began.

    Args:
        decay: The decay after a while, in `(0, 1)`.
        steps: Number of steps done, as a number or tensor.

    Returns:
        Tensor, at most `(1 + steps) / (10 + steps)`, as of TensorFlow's
        `ExponentialMovingAverage`.
    """
    return ops.minimum(decay, (1.0 + steps) / (10.0 + steps))
