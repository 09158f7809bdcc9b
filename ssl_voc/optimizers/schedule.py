"""Optimizers with linear warm-up and cosine decay."""

import keras

from ssl_voc.optimizers.lars import LARS


def build_optimizer(
    name, learning_rate, weight_decay, batch_size, total_steps, warmup_share
):
    """Builds an optimizer whose rate warms up linearly and decays by half a cosine.

    Args:
        name: `"sgd"` (momentum 0.9), `"lars"` or `"adamw"`.
        learning_rate: Peak per 256 images, scaled linearly to `batch_size`.
        weight_decay: Weight decay. Biases and batch norms are left out of it.
        batch_size: Global batch size in images.
        total_steps: Number of steps of the whole run.
        warmup_share: Share of the steps spent warming up, in `[0, 1)`.

    Returns:
        A Keras optimizer.

    Reference:
        - [Goyal et al., 2017](https://arxiv.org/abs/1706.02677), linear scaling
        - [Loshchilov and Hutter, 2016](https://arxiv.org/abs/1608.03983), cosine
    """
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
