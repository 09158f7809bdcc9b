"""Inference on arrays, batch by batch."""

import keras
import numpy as np


def predict_batches(model, images, batch_size):
    """What a model answers to images, as `model.predict` gives it.

    Without the data pipeline of `predict`, whose tuner now and then stalls for seconds
    under tensorflow. A short batch is filled up by repetition: another size would be
    traced anew, and may not divide among devices.

    Args:
        model: Keras model, compiled or not.
        images: Array `(num_images, ...)`.
        batch_size: Number of images in a batch.

    Returns:
        Array, or structure of arrays, `(num_images, ...)`.
    """

    def ask(batch):
        filled = np.resize(batch, (batch_size, *batch.shape[1:]))
        answers = model.predict_on_batch(filled)
        # Each of several replicas answers all images.
        return keras.tree.map_structure(lambda each: each[: len(batch)], answers)

    starts = range(0, len(images), batch_size)
    parts = [ask(images[start : start + batch_size]) for start in starts]
    return keras.tree.map_structure(lambda *each: np.concatenate(each), *parts)
