"""A pyramid of feature maps of one width, from the maps of a backbone."""

import keras
from keras import ops

from ssl_voc.layers.constructor_arguments import constructor_arguments
from ssl_voc.layers.nearest_resizing import resize_nearest


@keras.saving.register_keras_serializable(package="ssl_voc")
class FeaturePyramid(keras.layers.Layer):
    """Feature pyramid network: coarse maps are upsampled and added to finer ones.

    Maps of the backbone are brought to one width; from the coarsest on, each is added
    to the next finer one, which a 3 x 3 convolution then mixes. Coarser levels than the
    backbone's follow by convolutions of stride 2.

    Args:
        channels: Width of every level.
        num_coarser: Number of levels beyond the backbone's coarsest.

    Call arguments:
        feature_maps: List of float tensors `(batch, rows, columns, channels)`, finest
            first.

    Returns:
        List of `len(feature_maps) + num_coarser` tensors `(batch, rows, columns,
        channels)`, finest first.

    Reference:
        - [Lin et al., 2016](https://arxiv.org/abs/1612.03144); P6 and P7 as in
          [Lin et al., 2017](https://arxiv.org/abs/1708.02002), section 4
    """

    def __init__(self, channels=96, num_coarser=2, **kwargs):
        super().__init__(**kwargs)
        if channels < 1 or num_coarser < 0:
            raise ValueError(
                "`channels` must be at least 1 and `num_coarser` not negative. "
                f"Received: channels={channels}, num_coarser={num_coarser}"
            )
        self.channels = channels
        self.num_coarser = num_coarser
        self.laterals, self.norms, self.mixers = [], [], []
        # In single precision: TensorFlow's bfloat16 gradient of a strided kernel on a
        # map of one cell holds, on CPUs, values that were never written, at times NaN.
        self.coarser = [
            keras.layers.Conv2D(channels, 3, 2, padding="same", dtype="float32")
            for _ in range(num_coarser)
        ]

    def build(self, feature_map_shapes):
        policy = self.dtype_policy
        for shape in feature_map_shapes:
            # The scales of a backbone's maps differ by orders of magnitude.
            self.norms.append(keras.layers.LayerNormalization(dtype=policy))
            self.laterals.append(keras.layers.Dense(self.channels, dtype=policy))
            self.mixers.append(
                keras.layers.Conv2D(self.channels, 3, padding="same", dtype=policy)
            )
            self.norms[-1].build(shape)
            self.laterals[-1].build(shape)
            self.mixers[-1].build((*shape[:3], self.channels))
        for layer in self.coarser:
            layer.build((*feature_map_shapes[-1][:3], self.channels))

    def call(self, feature_maps):
        levels, above = [], None
        parts = zip(feature_maps, self.norms, self.laterals, self.mixers, strict=True)
        for level, norm, lateral, mixer in reversed([*parts]):
            level = lateral(norm(level))
            if above is not None:
                level = level + resize_nearest(above, *level.shape[1:3])
            above = level
            levels.insert(0, mixer(level))
        for layer in self.coarser:
            coarser = layer(ops.silu(levels[-1]))
            levels.append(ops.cast(coarser, self.compute_dtype))
        return levels

    def get_config(self):
        return {**super().get_config(), **constructor_arguments(self)}
