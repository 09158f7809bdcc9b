"""BYOL: a backbone that learns from a moving average of itself, without negatives."""

import keras
from keras import ops

from ssl_voc.layers.projection_head import ProjectionHead
from ssl_voc.models.contrastive_model import ContrastiveModel
from ssl_voc.models.momentum_teacher import MomentumTeacher


@keras.saving.register_keras_serializable(package="ssl_voc")
class BYOLModel(ContrastiveModel):
    """Pretrains a backbone to predict what its moving average makes of another view.

    A student (backbone, projection head, predictor) sees one view of each image, a
    teacher (the moving averages of backbone and projection head) the other; the
    compiled loss compares the student's prediction with the teacher's projection, both
    ways round. Images are not compared with each other: small batches do.

    Args:
        backbone, augmenter, projection_head, **kwargs: As of `ContrastiveModel`.
        predictor: Optional layer from projections to predictions of the same width; by
            default a `ssl_voc.layers.ProjectionHead`.
        momentum: Share of itself that the teacher keeps in a step; see `anneal`.

    Call arguments:
        images: As of `ContrastiveModel`.

    Returns:
        What `ContrastiveModel` returns, and `"predictions"`, a list with one tensor
        `(batch, dimensions)` a view.

    Example:

    >>> model = ssl_voc.models.BYOLModel(backbone, augmenter)
    >>> model.compile(
    ...     keras.optimizers.SGD(0.05, momentum=0.9),
    ...     loss=ssl_voc.losses.BYOLLoss(),
    ...     metrics=[ssl_voc.metrics.ProjectionSpread()],
    ... )
    >>> model.fit(photos, batch_size=16, epochs=10)

    Reference:
        - [Grill et al., 2020](https://arxiv.org/abs/2006.07733)
    """

    def __init__(
        self,
        backbone,
        augmenter,
        projection_head=None,
        predictor=None,
        momentum=0.99,
        **kwargs,
    ):
        super().__init__(backbone, augmenter, projection_head, **kwargs)
        features_shape = (None, backbone.output_shape[-1])
        if not self.projection_head.built:
            self.projection_head.build(features_shape)
        _, width = self.projection_head.compute_output_shape(features_shape)
        self.predictor = predictor or ProjectionHead(
            dimensions=width, dtype=self.dtype_policy
        )
        if not self.predictor.built:
            self.predictor.build((None, width))
        self.momentum = momentum
        self.teacher_backbone = MomentumTeacher(backbone, momentum)
        self.teacher_head = MomentumTeacher(self.projection_head, momentum)

    def call(self, images, training=None):
        outputs = super().call(images, training=training)
        predictions = self.project(outputs["projections"], training, self.predictor)
        return {**outputs, "predictions": predictions}

    def anneal(self, share_done):
        """Raises the teacher's momentum by half a cosine, from its start to 1.

        Args:
            share_done: Share of the run that is done, in `[0, 1]`.
        """
        for teacher in (self.teacher_backbone, self.teacher_head):
            teacher.anneal(share_done)

    def objective(self, outputs):
        """Mean of the compiled loss over the ordered pairs of different views."""
        if outputs["training"]:
            self.teacher_backbone.update(self.backbone)
            self.teacher_head.update(self.projection_head)
        targets = self._targets(outputs["views"], outputs["training"])
        losses = [
            self.pair_loss(target, prediction, outputs["sample_weight"])
            for i, target in enumerate(targets)
            for j, prediction in enumerate(outputs["predictions"])
            if i != j
        ]
        loss = sum(losses[1:], losses[0]) / len(losses)
        return loss, self.compare_with_chance(loss, outputs)

    def _targets(self, views, training):
        """The teacher's projections of each view."""
        encoded = self.encode(views, training, self._extract_by_teacher)
        return self.project(encoded["pooled"], training, self.teacher_head)

    def _extract_by_teacher(self, images, training=None):
        features = self.teacher_backbone(images, training=training)
        return {"pooled": ops.mean(features, axis=(1, 2))}
