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


def predict_any_batch(model, images, batch_size):
    """What a model answers to one batch, whose size may be any.

    It is filled up only for XLA, which compiles each size anew. The graph of tensorflow
    is traced for all sizes at once: traced for one it would be so again for the next,
    which takes as long as dozens of photos.

    Args:
        model: Keras model, compiled or not.
        images: Array `(num_images, ...)`.
        batch_size: Number of images that XLA is given.

    Returns:
        Array, or structure of arrays, `(num_images, ...)`.
    """
    if model.jit_compile:
        return predict_batches(model, images, batch_size)
    is_traced = keras.backend.backend() == "tensorflow" and not model.run_eagerly
    if is_traced and model.predict_function is None:
        import tensorflow as tf

        model.make_predict_function()
        spec = tf.TensorSpec((None, *images.shape[1:]), images.dtype)
        model.predict_function.get_concrete_function([(spec,)])
    return model.predict_on_batch(images)
