"""SiLU activation whose gradient takes one pass over memory on a CPU."""

import functools

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="ssl_voc")
class FusedSiLU(keras.layers.Activation):
    """`keras.layers.Activation("silu")` by `silu`.

    Args:
        **kwargs: those of `keras.layers.Activation`, without `activation`.
    """

    def __init__(self, **kwargs):
        super().__init__("silu", **kwargs)

    def call(self, inputs):
        return silu(inputs)

    def get_config(self):
        config = super().get_config()
        del config["activation"]
        return config


def silu(inputs):
    """`keras.ops.silu`, its gradient compiled by XLA under TensorFlow on a CPU.

    TensorFlow takes the gradient by six elementwise operations, each of which reads and
    writes the whole map; XLA makes one loop of them, which takes half the time. Values
    are those of Keras, gradients too, up to rounding. On accelerators XLA compiles the
    whole step; other backends have kernels of their own.

    Args:
        inputs: Float tensor.

    Returns:
        Tensor of the same shape: `inputs * sigmoid(inputs)`.

    Reference:
        - [Elfwing et al., 2017](https://arxiv.org/abs/1702.03118)
    """
    if keras.backend.backend() != "tensorflow":
        return ops.silu(inputs)
    return _tensorflow_silu()(inputs)


@functools.cache
def _tensorflow_silu():
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return tf.nn.silu

    @tf.function(jit_compile=True, autograph=False)
    def gradient(inputs, upstream):
        share = tf.sigmoid(inputs)
        return upstream * share * (1 + inputs * (1 - share))

    @tf.custom_gradient
    def fused(inputs):
        return tf.nn.silu(inputs), functools.partial(gradient, inputs)

    def silu(inputs):
        # Outside a compiled step each shape would be compiled by itself.
        return tf.nn.silu(inputs) if tf.executing_eagerly() else fused(inputs)

    return silu
