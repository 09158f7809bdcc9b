"""Convolution, batch normalization and SiLU."""

import keras

from ssl_voc.layers.constructor_arguments import ConfiguredLayer
from ssl_voc.layers.fused_batch_normalization import FusedBatchNormalization
from ssl_voc.layers.silu import silu


@keras.saving.register_keras_serializable(package="ssl_voc")
class ConvolutionBlock(ConfiguredLayer):
    """A convolution without bias, a batch norm and SiLU: what necks and heads repeat.

    Args:
        filters: Number of channels it gives.
        kernel_size: Side of the kernel, in cells.

    Call arguments:
        maps: Float tensor `(batch, rows, columns, channels)`.
        training: Whether the batch's own statistics are used, and learned.

    Returns:
        Float tensor `(batch, rows, columns, filters)`.
    """

    def __init__(self, filters, kernel_size=3, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        policy = self.dtype_policy
        self.convolution = keras.layers.Conv2D(
            filters, kernel_size, padding="same", use_bias=False, dtype=policy
        )
        # As in Ultralytics: a run of few hundred steps has statistics of its own.
        self.norm = FusedBatchNormalization(momentum=0.97, epsilon=1e-3, dtype=policy)

    def build(self, maps_shape):
        self.convolution.build(maps_shape)
        self.norm.build((*maps_shape[:3], self.filters))

    def call(self, maps, training=False):
        return silu(self.norm(self.convolution(maps), training=training))

    def compute_output_shape(self, maps_shape):
        return (*maps_shape[:3], self.filters)
