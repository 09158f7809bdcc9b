"""Contrastive model that also compares the cells of feature maps, matched by place."""

import itertools

import keras
from keras import ops

from ssl_voc.distributed import count_replicas
from ssl_voc.layers.cell_matching import match_cells
from ssl_voc.layers.projection_head import ProjectionHead
from ssl_voc.layers.random_layer import check_rate
from ssl_voc.losses.dense_contrast import dense_contrast
from ssl_voc.models.cell_offsets import cell_offsets
from ssl_voc.models.contrastive_model import ContrastiveModel
from ssl_voc.models.pyramid import feature_levels

# Stride 32 leaves 3 x 3 cells of 96 pixels: hardly a place.
STRIDES = (8, 16)
# Width of hidden layer and projections of cells, of which there are many.
_CELL_DIMENSIONS = 256


@keras.saving.register_keras_serializable(package="ssl_voc")
class DenseContrastiveModel(ContrastiveModel):
    """Pretrains a backbone by whole views and by the places that they share.

    Beside the compiled loss of pooled features, the cells of the feature maps of stride
    8 and 16 are projected by 1 x 1 convolutions; crop boxes and flips say which cells
    of two views show the same place of the photo, and these are drawn together, away
    from other photos: see `dense_contrast`. Boxes depend on what lies where, which
    pooling forgets.

    The loss is `1 - dense_weight` times the compiled one, which should have the chance
    level of `DCLLoss`, and `dense_weight` times the mean over the two strides.

    Args:
        backbone: Keras model from images in `[0, 255]` to feature maps, with maps of
            stride 8 and 16 inside.
        augmenter: Layer of two or more views of one size with their `"boxes_rel_xyxy"`
            and `"flips"`, such as `ssl_voc.layers.OverlappingViewsAugmenter`.
        projection_head: As of `ContrastiveModel`.
        dense_weight: Share of the dense term in the loss, in `[0, 1]`.
        temperature: Positive number that divides the cosines of cells.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Attributes:
        cell_offsets: Float32 variable `(2,)`, a weight of the model: where the cells
            of both strides look, see `ssl_voc.models.cell_offsets`.
        ramp: Scalar variable in `[0, 1]`, a weight of the model: the share of
            `dense_weight` that is in force, 1 unless changed while training.

    Returns:
        Dictionary of `ContrastiveModel`, and lists with one entry a view: `"level_8"`
        and `"level_16"`, the feature maps of these strides, and `"cells_8"` and
        `"cells_16"`, float32 projections `(batch, rows * columns, 256)`.

    Raises:
        ValueError: when the backbone has no feature map of one of these strides.

    Reference:
        - [Wang et al., 2020](https://arxiv.org/abs/2011.09157), DenseCL
        - [Xie et al., 2020](https://arxiv.org/abs/2011.10043), PixPro
    """

    def __init__(
        self,
        backbone,
        augmenter,
        projection_head=None,
        dense_weight=0.5,
        temperature=0.1,
        **kwargs,
    ):
        super().__init__(backbone, augmenter, projection_head, **kwargs)
        check_rate("dense_weight", dense_weight)
        if not temperature > 0.0:
            raise ValueError(
                f"`temperature` must be above 0. Received: temperature={temperature}"
            )
        self.dense_weight = dense_weight
        self.temperature = temperature
        # A backbone that takes any size is looked at with views of today's.
        size = backbone.input_shape[1] or getattr(augmenter, "image_size", None)
        levels = feature_levels(backbone, STRIDES, size)
        self.cell_offsets = keras.Variable(
            cell_offsets(levels, size), trainable=False, name="cell_offsets"
        )
        self.levels = keras.Model(backbone.input, [*levels.outputs, backbone.output])
        self.cell_heads = [
            ProjectionHead(_CELL_DIMENSIONS, _CELL_DIMENSIONS, dtype=self.dtype_policy)
            for _ in STRIDES
        ]
        self.ramp = keras.Variable(1.0, trainable=False, name="ramp")
        self.dense_loss = keras.metrics.Mean(name="dense_loss")
        self.matched_share = keras.metrics.Mean(name="matched_share")

    def build(self, images_shape):
        super().build(images_shape)
        for head, level in zip(self.cell_heads, self.levels.outputs, strict=False):
            if not head.built:
                head.build((None, level.shape[-1]))

    def extract(self, images, training=None):
        *levels, features = self.levels(images, training=training)
        extracted = {"features": features, "pooled": ops.mean(features, axis=(1, 2))}
        for stride, level in zip(STRIDES, levels, strict=True):
            extracted[f"level_{stride}"] = level
        return extracted

    def call(self, images, training=None):
        outputs = super().call(images, training=training)
        for stride, head in zip(STRIDES, self.cell_heads, strict=True):
            levels = outputs[f"level_{stride}"]
            outputs[f"cells_{stride}"] = self._project_cells(head, levels, training)
        return outputs

    def objective(self, outputs):
        pooled_loss, _ = super().objective(outputs)
        terms = [
            self._contrast(outputs, stride, *pair)
            for stride in STRIDES
            for pair in itertools.combinations(range(len(outputs["views"])), 2)
        ]
        dense_loss, matched_share = (
            ops.mean(ops.stack(values)) for values in zip(*terms, strict=True)
        )
        weight = self.dense_weight * ops.cast(self.ramp, "float32")
        # Keras has divided the other term by the number of replicas.
        loss = (1.0 - weight) * pooled_loss + weight * dense_loss / count_replicas()
        return loss, {
            **self.compare_with_chance(loss, outputs),
            "dense_loss": dense_loss,
            "matched_share": matched_share,
        }

    def _project_cells(self, head, levels, training):
        """Projections of the cells of all views, through a head as one batch."""
        together = ops.concatenate(levels, axis=0)
        _, rows, columns, channels = together.shape
        # A 1 x 1 convolution is a dense layer of every cell.
        cells = head(ops.reshape(together, (-1, channels)), training=training)
        cells = ops.reshape(cells, (-1, rows * columns, cells.shape[-1]))
        return ops.split(cells, len(levels), axis=0)

    def _contrast(self, outputs, stride, a, b):
        """Dense loss of two views at one stride, and the share of matched cells."""
        matches = match_cells(
            *(
                outputs[name][view]
                for view in (a, b)
                for name in ("boxes_rel_xyxy", "flips")
            ),
            outputs[f"level_{stride}"][a].shape[1:3],
            offset=self.cell_offsets[STRIDES.index(stride)],
        )
        cells = outputs[f"cells_{stride}"]
        losses = dense_contrast(cells[a], cells[b], matches, self.temperature)
        if outputs["sample_weight"] is not None:
            losses = losses * ops.cast(outputs["sample_weight"], losses.dtype)
        matched = ops.cast(ops.any(matches, axis=2), "float32")
        return ops.mean(losses), ops.mean(matched)
