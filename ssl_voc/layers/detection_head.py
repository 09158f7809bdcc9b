"""Detection head: class scores and box offsets of every anchor."""

import math

import keras
from keras import ops

from ssl_voc.layers.constructor_arguments import constructor_arguments


@keras.saving.register_keras_serializable(package="ssl_voc")
class DetectionHead(keras.layers.Layer):
    """Two towers of 3 x 3 convolutions, shared by all levels of a pyramid.

    Args:
        num_classes: Number of classes, at least 1.
        anchors_per_cell: Number of anchors around each cell.
        channels: Width of the towers.
        num_layers: Number of convolutions of each tower before its outputs.
        prior: Score that every class has at first. Most anchors see nothing, and what
            they have to unlearn drowns the first epochs.

    Call arguments:
        levels: List of float tensors `(batch, rows, columns, channels)` of one width.

    Returns:
        Dictionary of float32 tensors over the anchors of all levels, in the order of
        `AnchorGrid`: `"offsets"` `(batch, num_anchors, 4)` and `"logits"`
        `(batch, num_anchors, num_classes)`.

    Reference:
        - [Lin et al., 2017](https://arxiv.org/abs/1708.02002), section 4; layer
          normalization keeps small batches out of it
    """

    def __init__(
        self,
        num_classes,
        anchors_per_cell=9,
        channels=96,
        num_layers=2,
        prior=0.01,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, value in (
            ("num_classes", num_classes),
            ("anchors_per_cell", anchors_per_cell),
            ("channels", channels),
        ):
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {value}")
        if num_layers < 0 or not 0.0 < prior < 1.0:
            raise ValueError(
                "`num_layers` must not be negative and `prior` lie between 0 and 1. "
                f"Received: num_layers={num_layers}, prior={prior}"
            )
        self.num_classes = num_classes
        self.anchors_per_cell = anchors_per_cell
        self.channels = channels
        self.num_layers = num_layers
        self.prior = prior
        self.box_tower, self.class_tower = self._tower(), self._tower()
        small = {
            "padding": "same",
            "kernel_initializer": keras.initializers.RandomNormal(stddev=0.01),
            "dtype": "float32",
        }
        self.offsets = keras.layers.Conv2D(4 * anchors_per_cell, 3, **small)
        self.classifier = keras.layers.Conv2D(
            num_classes * anchors_per_cell,
            3,
            bias_initializer=keras.initializers.Constant(
                -math.log((1.0 - prior) / prior)
            ),
            **small,
        )

    def _tower(self):
        policy = self.dtype_policy
        return [
            (
                keras.layers.Conv2D(self.channels, 3, padding="same", dtype=policy),
                keras.layers.LayerNormalization(dtype=policy),
            )
            for _ in range(self.num_layers)
        ]

    def build(self, level_shapes):
        for tower in (self.box_tower, self.class_tower):
            shape = level_shapes[0]
            for convolution, norm in tower:
                convolution.build(shape)
                shape = (*shape[:3], self.channels)
                norm.build(shape)
        self.offsets.build(shape)
        self.classifier.build(shape)

    def call(self, levels):
        offsets, logits = [], []
        for level in levels:
            seen = _climb(self.box_tower, level)
            offsets.append(ops.reshape(self.offsets(seen), (-1, self._count(level), 4)))
            seen = _climb(self.class_tower, level)
            shape = (-1, self._count(level), self.num_classes)
            logits.append(ops.reshape(self.classifier(seen), shape))
        return {
            "offsets": ops.concatenate(offsets, axis=1),
            "logits": ops.concatenate(logits, axis=1),
        }

    def _count(self, level):
        """Number of anchors of a level."""
        return level.shape[1] * level.shape[2] * self.anchors_per_cell

    def get_config(self):
        return {**super().get_config(), **constructor_arguments(self)}


def _climb(tower, level):
    for convolution, norm in tower:
        level = ops.silu(norm(convolution(level)))
    return level
