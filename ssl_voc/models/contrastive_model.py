"""A Keras model that learns from pairs of views."""

import keras
from keras import ops

from ssl_voc.distributed import count_in_global_batch, count_replicas
from ssl_voc.layers.projection_head import ProjectionHead
from ssl_voc.losses.nt_xent_loss import chance_level


@keras.saving.register_keras_serializable(package="ssl_voc")
class ContrastiveModel(keras.Model):
    """Pretrains a backbone on images without labels.

    The contrastive train step is Keras' own, through the hooks it calls:
    1. `call` augments every image into two views, on the accelerator;
    2. it encodes all views as one batch, so that batch statistics tell no view apart;
    3. it pools and projects the features;
    4. `compute_loss` hands the result to `objective`: here the compiled loss of the
       two projections;
    5. Keras applies the gradients and updates the compiled metrics on the same pair.

    So `compile(optimizer, loss, metrics)`, `fit`, callbacks, mixed precision, saving
    and `evaluate` are those of any Keras model, on every backend. Views are drawn in
    `evaluate` too; for inference use `model.backbone`.

    Subclasses change one part: `augment`, `encode`, `project`, or `objective`, which
    sees the dictionary that `call` returns.

    Args:
        backbone: Keras model from images in `[0, 255]` to feature maps
            `(batch, rows, columns, channels)`.
        augmenter: Layer that maps images to a dictionary with `"views"`, such as
            `ssl_voc.layers.SimCLRAugmenter`.
        projection_head: Optional layer from pooled features to projections; by default
            a `ssl_voc.layers.ProjectionHead`.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Call arguments:
        images: Tensor `(batch, height, width, 3)` in `[0, 255]`, uint8 or float.

    Returns:
        Dictionary: what the augmenter returned, and `"features"`
        `(2 * batch, rows, columns, channels)`, `"pooled"` `(2 * batch, channels)` and
        `"projections"` `(2 * batch, dimensions)`, view a first.

    Example:

    >>> model = ssl_voc.ContrastiveModel(
    ...     ssl_voc.backbone("EfficientNetB1", image_size=96),
    ...     ssl_voc.layers.SimCLRAugmenter(image_size=96),
    ... )
    >>> model.compile(
    ...     optimizer=keras.optimizers.SGD(0.3, momentum=0.9),
    ...     loss=ssl_voc.losses.NTXentLoss(temperature=0.1),
    ...     metrics=[ssl_voc.metrics.ContrastiveAccuracy()],
    ... )
    >>> model.fit(photos, batch_size=64, epochs=10)
    >>> ssl_voc.models.plain_backbone(model.backbone).save("backbone.keras")

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709)
    """

    def __init__(self, backbone, augmenter, projection_head=None, **kwargs):
        super().__init__(**kwargs)
        if len(backbone.output_shape) != 4:
            raise ValueError(
                "`backbone` must end in feature maps (batch, rows, columns, channels); "
                "leave pooling to the model. Received: backbone.output_shape="
                f"{backbone.output_shape}"
            )
        self.backbone = backbone
        self.augmenter = augmenter
        self.projection_head = projection_head or ProjectionHead()
        self.loss_over_chance = keras.metrics.Mean(name="loss_over_chance")

    def build(self, images_shape):
        if not self.projection_head.built:
            self.projection_head.build((None, self.backbone.output_shape[-1]))

    def call(self, images, training=None):
        outputs = dict(self.augment(images))
        outputs.update(self.encode(outputs["views"], training=training))
        projections = self.project(outputs["pooled"], training=training)
        return {**outputs, "projections": projections}

    def augment(self, images):
        """Draws the views; see the augmenter for what the dictionary holds."""
        return self.augmenter(images)

    def encode(self, views, training=None):
        """Dictionary of `"features"`, the feature maps, and `"pooled"`, their means."""
        features = self.backbone(views, training=training)
        return {"features": features, "pooled": ops.mean(features, axis=(1, 2))}

    def project(self, pooled, training=None):
        """Projections of pooled features, `(views, dimensions)`."""
        return self.projection_head(pooled, training=training)

    def objective(self, outputs):
        """What training minimizes, given the dictionary that `call` returned.

        Returns:
            Tuple of the scalar loss and a dictionary of scalars for the logs; each is
            averaged over an epoch by the metric that this model has under its name.
        """
        projections_a, projections_b = ops.split(outputs["projections"], 2, axis=0)
        loss = super().compute_loss(y=projections_a, y_pred=projections_b)
        chance = chance_level(count_in_global_batch(projections_a))
        # Keras divides the loss by the number of replicas, whose gradients it sums.
        mean_loss = ops.cast(loss, "float32") * count_replicas()
        # An image without rivals, left over in a last batch, is told by chance alone.
        over_chance = ops.where(chance > 0, ops.divide_no_nan(mean_loss, chance), 1.0)
        return loss, {"loss_over_chance": over_chance}

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        loss, logs = self.objective(y_pred)
        for name, value in logs.items():
            getattr(self, name).update_state(value)
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        projections_a, projections_b = ops.split(y_pred["projections"], 2, axis=0)
        return super().compute_metrics(x, projections_a, projections_b)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "dtype": serialize(self.dtype_policy),
            "backbone": serialize(self.backbone),
            "augmenter": serialize(self.augmenter),
            "projection_head": serialize(self.projection_head),
        }

    @classmethod
    def from_config(cls, config):
        return cls(
            **{
                key: keras.saving.deserialize_keras_object(value)
                if isinstance(value, dict)
                else value
                for key, value in config.items()
            }
        )
