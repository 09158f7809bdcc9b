"""A feature map inside a model and the gradient of a score with respect to it."""

import keras
from keras import ops

from ssl_voc.heat_maps.explained_layer import watching


def differentiate(model, images, layer, score, arrays=()):
    """Runs a model as in inference and differentiates a score by a layer's output.

    Args:
        model: Keras model.
        images: Float32 tensor `(batch, height, width, 3)` in `[0, 255]`.
        layer: Keras layer that the model calls once.
        score: Function `score(outputs, *arrays)` from what the model returns to scores
            `(batch,)`.
        arrays: Tensors of `batch` rows.

    Returns:
        `(features, gradients)`: float32 tensors `(batch, rows, columns, channels)`.

    Raises:
        ValueError: when the layer's output is no feature map, the model does not call
            the layer exactly once, or the score does not depend on it.
    """
    backend = keras.backend.backend()
    if backend not in _BACKENDS:
        raise ValueError(
            f"Heat maps need one of the backends {', '.join(_BACKENDS)}. Received: "
            f"{backend}"
        )

    def run(change):
        """The layer's output, changed, and the sum of the scores that follow."""
        with watching(layer, change) as calls:
            outputs = model(images, training=False)
        return _only(calls, layer), ops.sum(score(outputs, *arrays))

    features, gradients = _BACKENDS[backend](run)
    if gradients is None:
        raise ValueError(f"`target` does not depend on the layer {layer.name}.")
    return ops.cast(features, "float32"), ops.cast(gradients, "float32")


def _by_tensorflow(run):
    import tensorflow as tf

    def watch(features):
        tape.watch(features)
        return features

    # Nothing before the layer is recorded: memory and time are those of inference.
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        features, total = run(watch)
    return features, tape.gradient(total, features)


def _by_torch(run):
    import torch

    with torch.enable_grad():
        # A leaf of its own: nothing before the layer is differentiated.
        features, total = run(lambda features: features.detach().requires_grad_())
        if not total.requires_grad:
            return features, None
        found = torch.autograd.grad(total, features, allow_unused=True)[0]
    return features.detach(), found


def _by_jax(run):
    import jax

    features, _ = run(lambda features: features)
    gradient = jax.grad(lambda change: run(lambda features: features + change)[1])
    return features, gradient(ops.zeros_like(features))


_BACKENDS = {"tensorflow": _by_tensorflow, "torch": _by_torch, "jax": _by_jax}


def _only(calls, layer):
    """The one output that a layer gave, if it is a feature map."""
    if len(calls) != 1:
        raise ValueError(
            "A map explains a layer that the model calls once. Received: "
            f"{layer.name}, which was called {len(calls)} times."
        )
    shape = getattr(calls[0], "shape", ())
    if len(shape) != 4:
        raise ValueError(
            "A layer to explain by gives feature maps (batch, rows, columns, "
            f"channels). Received: {layer.name} of shape {tuple(shape)}"
        )
    return calls[0]
