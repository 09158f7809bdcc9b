"""Keras model that pretrains a backbone on several views of images without labels."""

import itertools

import keras
from keras import ops

from ssl_voc.distributed import count_in_global_batch, count_replicas
from ssl_voc.layers.projection_head import ProjectionHead
from ssl_voc.models.batch_norm_statistics import synchronize_batch_norm
from ssl_voc.models.configured_model import ConfiguredModel
from ssl_voc.models.pyramid import check_feature_maps


@keras.saving.register_keras_serializable(package="ssl_voc")
class ContrastiveModel(ConfiguredModel):
    """Pretrains a backbone on images without labels.

    The contrastive train step is Keras' own, through the hooks it calls:
    1. `call` augments every image into views, on the accelerator;
    2. it encodes all views of one size as one batch, so that batch statistics tell no
       view apart;
    3. it pools and projects the features;
    4. `compute_loss` hands the result to `objective`: here the compiled loss of the
       projections of every pair of views;
    5. Keras applies the gradients and updates the compiled metrics on the first pair.

    So `compile(optimizer, loss, metrics)`, `fit`, callbacks, mixed precision, saving
    and `evaluate` are those of any Keras model, on every backend. Views are drawn in
    `evaluate` too; for inference use `model.backbone`.

    A compiled loss with a method `chance_level(batch_size)`, the loss of a model that
    knows nothing, such as `ssl_voc.losses.NTXentLoss`, adds `loss_over_chance` to the
    logs.

    Subclasses change one part: `augment`, `extract`, `project`, or `objective`, which
    sees the dictionary that `call` returns and reaches the compiled loss by
    `pair_loss`.

    Args:
        backbone: Keras model from images in `[0, 255]` to feature maps
            `(batch, rows, columns, channels)`.
        augmenter: Layer that maps images to a dictionary in which `"views"` is a list
            of at least two tensors `(batch, height, width, 3)`, of any sizes that the
            backbone takes, such as `ssl_voc.layers.SimCLRAugmenter`.
        projection_head: Optional layer from pooled features to projections; by default
            a `ssl_voc.layers.ProjectionHead`.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Call arguments:
        images: Tensor `(batch, height, width, 3)` in `[0, 255]`, uint8 or float.

    Returns:
        Dictionary: what the augmenter returned, and lists with one entry a view:
        `"features"` `(batch, rows, columns, channels)`, `"pooled"` `(batch, channels)`
        and `"projections"` `(batch, dimensions)`.

    Example:

    >>> model = ssl_voc.ContrastiveModel(
    ...     ssl_voc.backbone("EfficientNetB1", image_size=96),
    ...     ssl_voc.layers.SimCLRAugmenter(image_size=96),
    ... )
    >>> model.compile(
    ...     optimizer=keras.optimizers.SGD(0.3, momentum=0.9),
    ...     loss=ssl_voc.losses.NTXentLoss(),
    ...     metrics=[ssl_voc.metrics.ContrastiveAccuracy()],
    ... )
    >>> model.fit(photos, batch_size=64, epochs=10)
    >>> ssl_voc.models.plain_backbone(model.backbone).save("backbone.keras")

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709)
    """

    def __init__(self, backbone, augmenter, projection_head=None, **kwargs):
        super().__init__(**kwargs)
        check_feature_maps(backbone)
        self.backbone = backbone
        self.augmenter = augmenter
        self.projection_head = projection_head or ProjectionHead(
            dtype=self.dtype_policy
        )
        self.loss_over_chance = keras.metrics.Mean(name="loss_over_chance")

    @property
    def metrics(self):
        """Those of Keras; `loss_over_chance` only where the loss has a chance level."""
        hidden = None if self._has_chance_level() else self.loss_over_chance
        return [metric for metric in super().metrics if metric is not hidden]

    def build(self, images_shape):
        if not self.projection_head.built:
            self.projection_head.build((None, self.backbone.output_shape[-1]))
        synchronize_batch_norm(self)

    def call(self, images, training=None):
        outputs = dict(self.augment(images))
        outputs.update(self.encode(outputs["views"], training=training))
        projections = self.project(outputs["pooled"], training=training)
        return {**outputs, "projections": projections}

    def augment(self, images):
        """Draws the views; see the augmenter for what the dictionary holds."""
        return self.augmenter(images)

    def encode(self, views, training=None, extract=None):
        """What `extract` makes of each view, as lists with one entry a view.

        Args:
            views: List of tensors `(batch, height, width, 3)`; those of one size pass
                the backbone as one batch.
            training: Whether batch norm uses the statistics of the batch.
            extract: Another function than the method, such as a teacher's.
        """
        extract = extract or self.extract
        encoded, indices_of_size = {}, {}
        for index, view in enumerate(views):
            indices_of_size.setdefault(tuple(view.shape[1:3]), []).append(index)
        for indices in indices_of_size.values():
            together = ops.concatenate([views[index] for index in indices], axis=0)
            for name, values in extract(together, training=training).items():
                of_views = encoded.setdefault(name, [None] * len(views))
                parts = ops.split(values, len(indices), axis=0)
                for index, part in zip(indices, parts, strict=True):
                    of_views[index] = part
        return encoded

    def extract(self, images, training=None):
        """Dictionary of `"features"`, the feature maps, and `"pooled"`, their means.

        Args:
            images: Tensor `(batch, height, width, 3)`: views of one size.
            training: Whether batch norm uses the statistics of the batch.
        """
        features = self.backbone(images, training=training)
        return {"features": features, "pooled": ops.mean(features, axis=(1, 2))}

    def project(self, pooled, training=None, head=None):
        """Projections `(batch, dimensions)` of each view, all through one batch.

        Args:
            pooled: List of tensors `(batch, channels)`, one a view.
            training: Whether batch norm uses the statistics of the batch.
            head: Another layer of vectors, such as a predictor.
        """
        head = head or self.projection_head
        projections = head(ops.concatenate(pooled, axis=0), training=training)
        return ops.split(projections, len(pooled), axis=0)

    def objective(self, outputs):
        """What training minimizes: the mean of `pair_loss` over the pairs of views.

        Args:
            outputs: Dictionary that `call` returned, with `"sample_weight"`
                `(batch,)` or `None` beside it, and the bool `"training"`.

        Returns:
            Tuple of the scalar loss and a dictionary of scalars for the logs; each is
            averaged over an epoch by the metric that this model has under its name.
        """
        pairs = list(itertools.combinations(outputs["projections"], 2))
        losses = [self.pair_loss(*pair, outputs["sample_weight"]) for pair in pairs]
        loss = sum(losses[1:], losses[0]) / len(losses)
        return loss, self.compare_with_chance(loss, outputs)

    def compare_with_chance(self, loss, outputs):
        """`{"loss_over_chance": ...}`, or nothing where the loss has no chance level.

        Args:
            loss: Scalar whose chance level is that of the compiled loss.
            outputs: Dictionary that `objective` was given.
        """
        if not self._has_chance_level():
            return {}
        batch_size = count_in_global_batch(outputs["projections"][0])
        chance = self.loss.chance_level(batch_size)
        # Keras divides the loss by the number of replicas, whose gradients it sums.
        mean_loss = ops.cast(loss, "float32") * count_replicas()
        # An image without rivals, left over in a last batch, is told by chance alone.
        over_chance = ops.where(chance > 0, ops.divide_no_nan(mean_loss, chance), 1.0)
        return {"loss_over_chance": over_chance}

    def pair_loss(self, projections_a, projections_b, sample_weight=None):
        """The compiled loss of two views, and what layers add to any loss.

        Args:
            projections_a: Float tensor `(batch, dimensions)`, one view of each image.
            projections_b: Float tensor `(batch, dimensions)`, the other view.
            sample_weight: Optional weights of the pairs, `(batch,)`.
        """
        return super().compute_loss(
            y=projections_a, y_pred=projections_b, sample_weight=sample_weight
        )

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        loss, logs = self.objective(
            {**y_pred, "sample_weight": sample_weight, "training": training}
        )
        # As Keras tracks the loss: a short batch counts less.
        batch_size = ops.shape(y_pred["projections"][0])[0]
        for name, value in logs.items():
            getattr(self, name).update_state(value, batch_size)
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        projections_a, projections_b = y_pred["projections"][:2]
        return super().compute_metrics(x, projections_a, projections_b, sample_weight)

    def _has_chance_level(self):
        return hasattr(getattr(self, "loss", None), "chance_level")
