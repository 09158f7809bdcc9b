"""Checkpoints of a model of one number."""

import keras
import numpy as np

from ssl_voc.callbacks import Checkpoint


def save_epochs(folder, *epochs, units=1):
    """Saves checkpoints of a model of one number: the epoch that it covers."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(units)])
    model.compile(keras.optimizers.SGD(), "mse")
    checkpoint = Checkpoint(folder)
    checkpoint.set_model(model)
    for epoch in epochs:
        model.set_weights([np.full((1, units), epoch), np.zeros(units)])
        checkpoint.on_epoch_end(epoch - 1)
    return model
