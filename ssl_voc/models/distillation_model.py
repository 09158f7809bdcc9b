"""Distillation without labels: a backbone that learns from a teacher's features."""

import keras
from keras import ops

from ssl_voc.distributed import count_replicas, gather_across_replicas
from ssl_voc.layers.projection_head import ProjectionHead
from ssl_voc.models.contrastive_model import ContrastiveModel
from ssl_voc.similarity import l2_normalize


@keras.saving.register_keras_serializable(package="ssl_voc")
class DistillationModel(ContrastiveModel):
    """Pretrains a backbone to see in images what a larger teacher sees in them.

    Two losses. The compiled one is global: how close the student's embedding of a view
    is to those in a queue shall be how close the teacher's is. The queue holds the
    teacher's newest embeddings, those of the batch at hand first. The spatial one is
    the mean of `1 - cos` between the cells of the teacher's map and of the student's,
    which is resized to it and projected by one linear layer.

    The teacher sees the same views, in inference mode; no gradient reaches it.
    Checkpoints hold the queue, but not the teacher, whose weights never change. Its
    embeddings and maps are centered by their means over some images, see `fill`: those
    of networks that end in ReLU are all alike but for what differs around a large mean.

    Without a teacher, `fit(images, embeddings)` learns from embeddings of the images
    that were computed before, by the global loss alone.

    Args:
        backbone, augmenter, **kwargs: As of `ContrastiveModel`.
        teacher: Keras model from images `(batch, image_size, image_size, 3)` in
            `[0, 255]`, of the size of the views, to embeddings `(batch, dimensions)`
            and maps `(batch, rows, columns, channels)`, see
            `ssl_voc.models.load_teacher`; None where embeddings are given.
        dimensions: Width of the teacher's embeddings.
        queue_size: Number of embeddings in the queue.
        spatial_weight: Weight of the spatial loss.
        projection_head: Optional layer from pooled features to embeddings of the
            teacher's width; by default a `ssl_voc.layers.ProjectionHead`.

    Call arguments:
        images: As of `ContrastiveModel`.

    Returns:
        What `ContrastiveModel` returns, and with a teacher `"cells"`, a list of the
        student's maps `(batch, rows, columns, channels)` in the teacher's place.

    Reference:
        - [Fang et al., 2021](https://arxiv.org/abs/2101.04731), SEED, the global loss
    """

    def __init__(
        self,
        backbone,
        augmenter,
        teacher,
        dimensions,
        queue_size=4096,
        spatial_weight=1.0,
        projection_head=None,
        **kwargs,
    ):
        projection_head = projection_head or ProjectionHead(
            dimensions=dimensions, dtype=kwargs.get("dtype")
        )
        super().__init__(backbone, augmenter, projection_head, **kwargs)
        self.dimensions = dimensions
        self.queue_size = queue_size
        self.spatial_weight = spatial_weight
        self.teacher = teacher
        self.cell_head = None
        self.queue = self._add_state("queue", (queue_size, dimensions))
        self.embedding_mean = self._add_state("embedding_mean", (dimensions,))
        self.global_loss = keras.metrics.Mean(name="global_loss")
        self.spatial_loss = keras.metrics.Mean(name="spatial_loss")
        if teacher is not None:
            teacher.trainable = False
            *_, channels = teacher.output_shape[1]
            self.cell_mean = self._add_state("cell_mean", (channels,))
            self.cell_head = keras.layers.Dense(channels, dtype="float32")

    @property
    def metrics(self):
        hidden = None if self.teacher is not None else self.spatial_loss
        return [metric for metric in super().metrics if metric is not hidden]

    @property
    def fixed_weights(self):
        """Weights that no step changes, those of the teacher."""
        return [] if self.teacher is None else self.teacher.weights

    def build(self, images_shape):
        super().build(images_shape)
        if self.cell_head is not None and not self.cell_head.built:
            self.cell_head.build(self.backbone.output_shape)

    def fill(self, embeddings, cell_mean=None):
        """Centers what the teacher says, and fills the queue, before the first step.

        Args:
            embeddings: Float array `(num_images, dimensions)`, the teacher's, of images
                as they are or of views; the queue is filled by the first ones, over and
                over where they are fewer.
            cell_mean: Float array `(channels,)`, the mean of the cells of its maps.
        """
        self.embedding_mean.assign(embeddings.mean(axis=0))
        if cell_mean is not None:
            self.cell_mean.assign(cell_mean)
        rows = [index % len(embeddings) for index in range(self.queue_size)]
        self.queue.assign(self._center(embeddings[rows]))

    def call(self, images, training=None):
        outputs = super().call(images, training=training)
        if self.teacher is None:
            return outputs
        rows, columns = self.teacher.output_shape[1][1:3]
        # XLA compiles the gradient of resizing in float32 alone.
        maps = ops.cast(ops.concatenate(outputs["features"], axis=0), "float32")
        if maps.shape[1:3] != (rows, columns):
            maps = ops.image.resize(maps, (rows, columns))
        cells = ops.split(self.cell_head(maps), len(outputs["views"]), axis=0)
        return {**outputs, "cells": cells}

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        y_pred = {**y_pred, "embeddings": y}
        return super().compute_loss(x, None, y_pred, sample_weight, training)

    def objective(self, outputs):
        """The global loss and, with a teacher, the spatial one."""
        num_views, weight = len(outputs["views"]), outputs["sample_weight"]
        embeddings, maps = outputs["embeddings"], None
        if self.teacher is not None:
            views = ops.concatenate(outputs["views"], axis=0)
            embeddings, maps = self.teacher(views, training=False)
        elif embeddings is None:
            raise ValueError(
                "Without a teacher its embeddings are wanted: fit(images, embeddings). "
                "Received images alone."
            )
        embeddings = self._center(ops.stop_gradient(embeddings))
        queue = self._with_newest(embeddings)
        if outputs["training"]:
            self.queue.assign(queue)
        if self.teacher is None:
            embeddings = ops.tile(embeddings, (num_views, 1))
        if weight is not None:
            weight = ops.tile(weight, (num_views,))
        loss, logs = self._global_loss(
            outputs["projections"], embeddings, queue, weight
        )
        if maps is not None:
            cells = ops.concatenate(outputs["cells"], axis=0)
            spatial = self._spatial_loss(cells, ops.stop_gradient(maps), weight)
            # The gradients of replicas are summed.
            loss = loss + self.spatial_weight * spatial / count_replicas()
            logs["spatial_loss"] = spatial
        return loss, logs

    def _global_loss(self, projections, embeddings, queue, weight):
        student = l2_normalize(ops.concatenate(projections, axis=0))
        candidates = ops.transpose(queue)
        loss = self.pair_loss(
            ops.matmul(embeddings, candidates), ops.matmul(student, candidates), weight
        )
        mean_loss = ops.cast(loss, "float32") * count_replicas()
        logs = {"global_loss": mean_loss}
        if self._has_chance_level():
            chance = self.loss.chance_level(self.queue_size)
            logs["loss_over_chance"] = mean_loss / chance
        return loss, logs

    def _spatial_loss(self, cells, maps, weight):
        maps = ops.subtract(ops.cast(maps, "float32"), self.cell_mean)
        cosines = ops.sum(l2_normalize(maps) * l2_normalize(cells), axis=-1)
        per_image = 1.0 - ops.mean(cosines, axis=(1, 2))
        if weight is not None:
            per_image = per_image * weight
        return ops.mean(per_image)

    def _center(self, embeddings):
        embeddings = ops.cast(embeddings, "float32")
        return l2_normalize(ops.subtract(embeddings, self.embedding_mean))

    def _with_newest(self, embeddings):
        """The queue with embeddings at its head, whose oldest ones fall out."""
        everyone, _ = gather_across_replicas(embeddings)
        return ops.concatenate([everyone, self.queue], axis=0)[: self.queue_size]

    def _add_state(self, name, shape):
        return self.add_weight(
            shape=shape,
            initializer="zeros",
            dtype="float32",
            trainable=False,
            autocast=False,
            # Every replica computes the same.
            aggregation="only_first_replica",
            name=name,
        )
