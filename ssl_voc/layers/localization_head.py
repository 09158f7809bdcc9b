"""Localization head: class scores and one box from feature maps."""

import math

import keras
from keras import ops

from ssl_voc import boxes
from ssl_voc.layers.constructor_arguments import ConfiguredLayer
from ssl_voc.layers.nearest_resizing import resize_nearest

# Softplus of this is 1: votes begin at `first_reach`.
_SOFTPLUS_ONE = math.log(math.e - 1.0)
_FIRST_REACH = 0.3  # as a share of the map


@keras.saving.register_keras_serializable(package="ssl_voc")
class LocalizationHead(ConfiguredLayer):
    """One box and the scores of all classes, from the feature maps of a backbone.

    Maps of all levels are brought to one width, added up at the finest resolution and
    mixed by 3 x 3 convolutions. Every cell then votes for a box, by its distances to
    the four sides, and says how much its vote counts; the box is the mean of the votes
    weighted by the softmax of that (the attention). The class is read off the
    attention-weighted mean of the cells, beside the mean of the coarsest map. So
    positions are never pooled away. Distances are told in cells: the same weights find
    objects of the same number of pixels in images of another size.

    Args:
        num_classes: Number of classes, at least 1.
        channels: Width of the mixed map.
        num_layers: Number of 3 x 3 convolutions.
        dropout: Dropout before the class scores, in `[0, 1)`.
        first_reach: Distances from a cell to the sides of the box that it votes for at
            first, horizontally and vertically, in cells; by default 0.3 of the map that
            the head is built for.

    Call arguments:
        feature_maps: List of float tensors `(batch, rows, columns, channels)`, finest
            first, each about twice as fine as the next.
        training: Whether dropout is active.

    Returns:
        Dictionary of float32 tensors: `"boxes"` `(batch, 4)`, rel_xyxy, shares of the
        image that may lie outside `[0, 1]`; `"logits"` `(batch, num_classes)`;
        `"attention_logits"` `(batch, rows, columns)`, whose softmax weighs the votes;
        `"agreement"` `(batch,)`, the mean IoU of the votes with the box, weighted
        alike: 1 where all cells that count vote for the same.

    Reference:
        - [Tian et al., 2019](https://arxiv.org/abs/1904.01355), boxes as distances
          from cells
    """

    def __init__(
        self,
        num_classes,
        channels=128,
        num_layers=2,
        dropout=0.2,
        first_reach=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, value in (("num_classes", num_classes), ("channels", channels)):
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {value}")
        if num_layers < 0 or not 0.0 <= dropout < 1.0:
            raise ValueError(
                "`num_layers` must not be negative and `dropout` lie in [0, 1). "
                f"Received: num_layers={num_layers}, dropout={dropout}"
            )
        if first_reach is not None and min(first_reach) <= 0.0:
            raise ValueError(
                "`first_reach` must be two distances above 0, in cells. "
                f"Received: first_reach={first_reach}"
            )
        self.num_classes = num_classes
        self.channels = channels
        self.num_layers = num_layers
        self.dropout = dropout
        self.first_reach = first_reach and tuple(first_reach)
        policy = self.dtype_policy
        self.laterals, self.lateral_norms = [], []
        self.convolutions = [
            keras.layers.Conv2D(channels, 3, padding="same", dtype=policy)
            for _ in range(num_layers)
        ]
        # By image, not by batch: fine-tuning batches are small and few.
        self.norms = [
            keras.layers.LayerNormalization(dtype=policy) for _ in range(num_layers)
        ]
        self.pooled_norm = keras.layers.LayerNormalization(dtype=policy)
        self.drop = keras.layers.Dropout(dropout, dtype=policy)
        # Small at first, so that all cells vote, and for boxes around themselves.
        small = {
            "kernel_initializer": keras.initializers.RandomNormal(stddev=0.01),
            "dtype": "float32",
        }
        self.votes = keras.layers.Dense(4, **small)
        self.weighing = keras.layers.Dense(1, **small)
        self.classifier = keras.layers.Dense(num_classes, **small)

    def build(self, feature_map_shapes):
        if self.first_reach is None:
            rows, columns = feature_map_shapes[0][1:3]
            self.first_reach = _FIRST_REACH * columns, _FIRST_REACH * rows
        policy = self.dtype_policy
        for shape in feature_map_shapes:
            self.lateral_norms.append(keras.layers.LayerNormalization(dtype=policy))
            self.laterals.append(keras.layers.Dense(self.channels, dtype=policy))
            self.lateral_norms[-1].build(shape)
            self.laterals[-1].build(shape)
        mixed_shape = (*feature_map_shapes[0][:3], self.channels)
        for layer in (*self.convolutions, *self.norms, self.votes, self.weighing):
            layer.build(mixed_shape)
        pooled_shape = (None, feature_map_shapes[-1][-1])
        self.pooled_norm.build(pooled_shape)
        self.classifier.build((None, pooled_shape[-1] + self.channels))

    def call(self, feature_maps, training=False):
        mixed = self.mix(feature_maps)  # (batch, rows, columns, channels)
        rows, columns = mixed.shape[1:3]
        attention_logits = ops.squeeze(self.weighing(mixed), axis=-1)
        flat = (-1, rows * columns)
        attention = ops.softmax(ops.reshape(attention_logits, flat))[..., None]
        votes = ops.reshape(self.vote(mixed), (*flat, 4))
        boxes_rel_xyxy = ops.sum(attention * votes, axis=1)
        overlaps = boxes.elementwise_iou(votes, boxes_rel_xyxy[:, None])
        cells = ops.reshape(mixed, (*flat, self.channels))
        attended = ops.sum(ops.cast(attention, cells.dtype) * cells, axis=1)
        pooled = self.pooled_norm(ops.mean(feature_maps[-1], axis=(1, 2)))
        described = ops.concatenate([pooled, attended], axis=-1)
        logits = self.classifier(self.drop(described, training=training))
        return {
            "boxes": boxes_rel_xyxy,
            "logits": logits,
            "attention_logits": attention_logits,
            "agreement": ops.sum(attention[..., 0] * overlaps, axis=1),
        }

    def mix(self, feature_maps):
        """The levels as one map of the finest resolution, mixed."""
        mixed = None
        levels = zip(feature_maps, self.lateral_norms, self.laterals, strict=True)
        for level, norm, lateral in reversed([*levels]):
            level = lateral(norm(level))
            if mixed is not None:
                level = level + resize_nearest(mixed, *level.shape[1:3])
            mixed = level
        mixed = ops.silu(mixed)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            mixed = ops.silu(norm(convolution(mixed)))
        return mixed

    def vote(self, mixed):
        """The box that each cell votes for, `(batch, rows, columns, 4)`, rel_xyxy."""
        rows, columns = mixed.shape[1:3]
        x = (ops.arange(columns, dtype="float32") + 0.5) / columns
        y = (ops.arange(rows, dtype="float32") + 0.5) / rows
        x, y = ops.meshgrid(x, y)
        centers = ops.stack([x, y], axis=-1)  # (rows, columns, 2)
        across, down = self.first_reach
        first = ops.convert_to_tensor([across / columns, down / rows] * 2, "float32")
        reach = ops.softplus(self.votes(mixed) + _SOFTPLUS_ONE) * first
        starts, ends = centers - reach[..., :2], centers + reach[..., 2:]
        return ops.concatenate([starts, ends], axis=-1)
