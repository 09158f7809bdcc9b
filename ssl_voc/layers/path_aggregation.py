"""Path aggregation: feature maps of one width that know of coarser and finer ones."""

import keras
from keras import ops

from ssl_voc.layers.constructor_arguments import ConfiguredLayer
from ssl_voc.layers.convolution_block import ConvolutionBlock
from ssl_voc.layers.nearest_resizing import resize_nearest


@keras.saving.register_keras_serializable(package="ssl_voc")
class PathAggregation(ConfiguredLayer):
    """Path aggregation network: a way down from coarse maps to fine ones, and back up.

    Maps of the backbone are brought to one width. From the coarsest on, each is
    upsampled and joined with the next finer one; then from the finest on, each is
    pooled and joined with the next coarser one.

    Args:
        channels: Width of every level.

    Call arguments:
        feature_maps: List of float tensors `(batch, rows, columns, channels)`, finest
            first, each half as fine as the one before, rounded up.
        training: As of `ConvolutionBlock`.

    Returns:
        List of as many tensors `(batch, rows, columns, channels)`, finest first.

    Reference:
        - [Liu et al., 2018](https://arxiv.org/abs/1803.01534), section 3.1, joined by
          concatenation as in [Bochkovskiy et al., 2020](https://arxiv.org/abs/2004.10934)
    """

    def __init__(self, channels=64, **kwargs):
        super().__init__(**kwargs)
        if channels < 1:
            raise ValueError(f"`channels` must be at least 1. Received: {channels}")
        self.channels = channels
        self.laterals, self.downward, self.upward = [], [], []

    def build(self, feature_map_shapes):
        def block(shape, kernel_size=3):
            layer = ConvolutionBlock(
                self.channels, kernel_size, dtype=self.dtype_policy
            )
            layer.build(shape)
            return layer

        joined = [(*shape[:3], 2 * self.channels) for shape in feature_map_shapes]
        self.laterals = [block(shape, 1) for shape in feature_map_shapes]
        self.downward = [block(shape) for shape in joined[:-1]]
        self.upward = [block(shape) for shape in joined[1:]]

    def call(self, feature_maps, training=False):
        levels = [
            lateral(level, training=training)
            for lateral, level in zip(self.laterals, feature_maps, strict=True)
        ]
        for index in reversed(range(len(levels) - 1)):
            finer = levels[index]
            coarser = resize_nearest(levels[index + 1], *finer.shape[1:3])
            joined = ops.concatenate([finer, coarser], axis=-1)
            levels[index] = self.downward[index](joined, training=training)
        for index, block in enumerate(self.upward):
            pooled = ops.max_pool(levels[index], 2, 2, padding="same")
            joined = ops.concatenate([pooled, levels[index + 1]], axis=-1)
            levels[index + 1] = block(joined, training=training)
        return levels

    def compute_output_shape(self, feature_map_shapes):
        return [(*shape[:3], self.channels) for shape in feature_map_shapes]
