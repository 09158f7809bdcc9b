"""Batch-norm statistics, computed anew for the weights that a model has."""

import keras
import numpy as np
from keras import ops

from ssl_voc.models.cloning import nested_layers


def recalibrate_batch_norm(model, batches):
    """Gives the batch norms of a model the statistics of some images.

    The moving averages of a training are of the weights of its last steps, and of few
    images where batches are small. Here every batch is normalized by its own mean and
    variance, as in training; what is kept are mean and variance over all batches, of
    which that of their means is a part. Layers that do not learn, such as those of a
    frozen backbone, keep what they have.

    Args:
        model: Built Keras model that takes images.
        batches: Iterable of images `(batch, height, width, 3)` in `[0, 255]`, all of
            one batch size, that of the training.

    Reference:
        - [Wu and Johnson, 2021](https://arxiv.org/abs/2105.07576), section 3, precise
          batch norm
        - [Izmailov et al., 2018](https://arxiv.org/abs/1803.05407), section 3.2:
          averaged weights need statistics of their own
    """
    norms = [
        layer
        for layer in nested_layers(model)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    if not norms:
        return
    momenta = [layer.momentum for layer in norms]
    try:
        for layer in norms:
            layer.momentum = 0.0  # what it moves to are the statistics of one batch
        found = []
        for images in batches:
            model(images, training=True)
            found.append([_statistics(layer) for layer in norms])
    finally:
        for layer, momentum in zip(norms, momenta, strict=True):
            layer.momentum = momentum
    for layer, of_batches in zip(norms, zip(*found, strict=True), strict=True):
        means, variances = np.moveaxis(np.array(of_batches), 1, 0)
        layer.moving_mean.assign(means.mean(axis=0))
        layer.moving_variance.assign(variances.mean(axis=0) + means.var(axis=0))


def synchronize_batch_norm(model):
    """Lets replicas normalize by the whole batch, where each sees a part of it.

    Views of one photo are on one replica: if that had statistics of its own, they would
    tell positives from most negatives.

    Args:
        model: Built Keras model, made in the scope of its strategy; one of a single
            device stays as it is.

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709), section 2.2, global
          batch norm
    """
    strategy = getattr(model, "distribute_strategy", None)
    if strategy is None or strategy.num_replicas_in_sync < 2:
        return
    for layer in nested_layers(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True  # read whenever it is called


def _statistics(layer):
    """Moving mean and variance, float64 `(2, channels)`."""
    both = layer.moving_mean, layer.moving_variance
    return np.array([ops.convert_to_numpy(part) for part in both], "float64")
