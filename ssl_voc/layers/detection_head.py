"""Detection head: class scores and distances to the sides of a box, at every point."""

import math

import keras
import numpy as np
from keras import ops

from ssl_voc.layers.constructor_arguments import ConfiguredLayer
from ssl_voc.layers.convolution_block import ConvolutionBlock

# Objects that an image may be expected to have, for the scores at first.
_EXPECTED_OBJECTS = 5
# How much less likely each distance is at first than the one before: a mean of 2.
_RATIO_OF_DISTANCES = 2.0 / 3.0


@keras.saving.register_keras_serializable(package="ssl_voc")
class DetectionHead(ConfiguredLayer):
    """For each level two towers of convolutions: one for classes, one for boxes.

    A box is told by its distances from the point to its four sides, each as a
    distribution over the whole numbers of strides from 0 to `num_bins - 1`. At first a
    class has the score that it would have if every image had a few objects: what there
    is to unlearn at points that see nothing drowns the first epochs. Boxes are 4
    strides wide at first, so that each level suits objects of its own size: were they
    as wide as an even distribution makes them, 15 strides, those of coarse levels would
    fit nothing, be assigned nothing, and learn nothing.

    Args:
        num_classes: Number of classes, at least 1.
        channels: Width of the towers.
        num_layers: Number of convolutions of each tower before its outputs.
        num_bins: Number of distances that have a probability.

    Call arguments:
        levels: List of float tensors `(batch, rows, columns, channels)`.
        training: As of `ConvolutionBlock`.

    Returns:
        Dictionary of float32 tensors over the points of all levels, in the order of
        `anchor_points`: `"sides"`, logits `(batch, num_points, 4, num_bins)` of the
        distances to the left, the top, the right and the bottom; and `"classes"`,
        logits `(batch, num_points, num_classes)`.

    Reference:
        - [Tian et al., 2019](https://arxiv.org/abs/1904.01355), boxes from points
        - [Li et al., 2020](https://arxiv.org/abs/2006.04388), distances as
          distributions
    """

    def __init__(self, num_classes, channels=64, num_layers=2, num_bins=16, **kwargs):
        super().__init__(**kwargs)
        for name, value, least in (
            ("num_classes", num_classes, 1),
            ("channels", channels, 1),
            ("num_layers", num_layers, 0),
            ("num_bins", num_bins, 2),
        ):
            if value < least:
                raise ValueError(
                    f"`{name}` must be at least {least}. Received: {value}"
                )
        self.num_classes = num_classes
        self.channels = channels
        self.num_layers = num_layers
        self.num_bins = num_bins
        self.towers = []

    def build(self, level_shapes):
        for shape in level_shapes:
            prior = min(0.2, _EXPECTED_OBJECTS / (shape[1] * shape[2]))
            prior = prior / self.num_classes
            scores = math.log(prior / (1.0 - prior))
            distances = math.log(_RATIO_OF_DISTANCES) * np.arange(self.num_bins)
            self.towers.append(
                (
                    self._tower(shape, 4 * self.num_bins, np.tile(distances, 4)),
                    self._tower(shape, self.num_classes, scores),
                )
            )

    def _tower(self, shape, num_outputs, bias):
        """Convolutions of one level and the layer that gives its outputs, built."""
        blocks = []
        for _ in range(self.num_layers):
            blocks.append(ConvolutionBlock(self.channels, dtype=self.dtype_policy))
            blocks[-1].build(shape)
            shape = blocks[-1].compute_output_shape(shape)
        output = keras.layers.Conv2D(
            num_outputs,
            1,
            bias_initializer=keras.initializers.Constant(bias),
            dtype="float32",
        )
        output.build(shape)
        return [*blocks, output]

    def call(self, levels, training=False):
        sides, classes = [], []
        for level, (box_tower, class_tower) in zip(levels, self.towers, strict=True):
            count = level.shape[1] * level.shape[2]
            seen = _apply(box_tower, level, training)
            sides.append(ops.reshape(seen, (-1, count, 4, self.num_bins)))
            seen = _apply(class_tower, level, training)
            classes.append(ops.reshape(seen, (-1, count, self.num_classes)))
        return {
            "sides": ops.concatenate(sides, axis=1),
            "classes": ops.concatenate(classes, axis=1),
        }


def _apply(tower, level, training):
    *blocks, output = tower
    for block in blocks:
        level = block(level, training=training)
    return output(level)
