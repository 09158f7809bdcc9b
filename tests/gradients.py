"""The gradient of a function, under every backend."""

import keras
import numpy as np
from keras import ops


def gradient_of(function, array):
    """Gradient at `array` of the sum of what `function` returns, float array."""

    def total(variable):
        return ops.sum(function(variable))

    array = np.asarray(array, "float32")
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.grad(total)(array))
    if keras.backend.backend() == "torch":
        import torch

        variable = torch.tensor(array, requires_grad=True)
        total(variable).backward()
        return variable.grad.numpy()
    import tensorflow as tf

    variable = tf.Variable(array)
    with tf.GradientTape() as tape:
        loss = total(variable)
    return tape.gradient(loss, variable).numpy()
