"""Keras model of a localizer: the main object of an image."""

import keras
from keras import ops

from ssl_voc import boxes
from ssl_voc.distributed import count_replicas
from ssl_voc.layers.localization_head import LocalizationHead
from ssl_voc.losses.attention_loss import attention_loss
from ssl_voc.losses.box_loss import BoxLoss
from ssl_voc.models.box_model import BoxModel, given_boxes
from ssl_voc.models.main_object_targets import main_targets, weights_of
from ssl_voc.models.pyramid import deepest_levels


@keras.saving.register_keras_serializable(package="ssl_voc")
class Localizer(BoxModel):
    """Finds the main object of an image: scores of all classes and one box.

    A backbone, a `LocalizationHead` on its two deepest resolutions, and KerasCV's
    conventions: targets are `{"boxes", "classes"}`, padded with class -1, of which the
    main object, the largest that is not `difficult`, is learned: the largest of what a
    crop shows. An image without one teaches nothing and counts nothing.

    The train step is Keras' own. `call` augments the batch (while training) and
    predicts; `compute_loss` compares with the targets that followed the augmentation,
    by the losses given to `compile` for `"boxes"` and `"classes"`, and adds the
    attention loss: the negative log of the attention that lies inside the box, so that
    the cells which see the object are those whose votes count.

    Args:
        backbone: Functional Keras model of known image size from images in `[0, 255]`
            to feature maps `(batch, rows, columns, channels)`, such as
            `ssl_voc.backbone("EfficientNetB1", image_size=160)`.
        num_classes: Number of classes.
        bounding_box_format: Format of targets and predictions, as KerasCV names it;
            pixels are those of the square image.
        augmenter: Optional layer that takes and returns a dictionary of `"images"`,
            `"bounding_boxes"` in xyxy and, where given, `"difficult"`, such as
            `ssl_voc.layers.LocalizationAugmenter`.
        head: Optional layer in place of the default `LocalizationHead(num_classes)`,
            which takes and returns what that does.
        attention_weight: Weight of the attention loss; 0 for none.
        freeze_batch_norm: Whether the backbone's batch norms use and keep the
            statistics of their pretraining while everything else trains: few photos
            have poorer ones. Stochastic depth is off then.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Call arguments:
        inputs: Images `(batch, size, size, 3)` in `[0, 255]`; or a dictionary of
            `"images"` and `"bounding_boxes"`, with `"difficult"` `(batch, n)` where
            known, as `pipelines.localization` gives it.

    Returns:
        Dictionary of float32 tensors: `"boxes"` `(batch, 1, 4)`, `"classes"`, logits
        `(batch, num_classes)`, `"attention"` `(batch, rows, columns)`, logits of where
        the model looks, `"agreement"` `(batch,)`, see `LocalizationHead`; and, given
        targets, `"targets"`: boxes and classes of the
        main object after the augmentation. `predict` returns the dictionary of
        `decode_predictions` instead.

    Example:

    >>> model = ssl_voc.Localizer(
    ...     ssl_voc.backbone("EfficientNetB1", image_size=160, weights="runs/photos"),
    ...     num_classes=5,
    ...     augmenter=ssl_voc.layers.LocalizationAugmenter(160),
    ... )
    >>> model.compile(
    ...     optimizer=keras.optimizers.AdamW(3e-4),
    ...     metrics={"boxes": [ssl_voc.metrics.MeanBoxIoU()]},
    ... )
    >>> model.fit(batches, steps_per_epoch=40, epochs=20)
    >>> model.predict(photos)["boxes"]
    """

    def __init__(
        self,
        backbone,
        num_classes,
        bounding_box_format="xyxy",
        augmenter=None,
        head=None,
        attention_weight=0.25,
        freeze_batch_norm=False,
        **kwargs,
    ):
        boxes.check_format(bounding_box_format)
        super().__init__(**kwargs)
        self.levels = deepest_levels(backbone)
        self.backbone = backbone
        self.num_classes = num_classes
        self.bounding_box_format = bounding_box_format
        self.augmenter = augmenter
        self.head = head or LocalizationHead(
            num_classes, dtype=self.dtype_policy, name="localization_head"
        )
        self.attention_weight = attention_weight
        self.freeze_batch_norm = freeze_batch_norm
        self.attention_loss = None
        if attention_weight:
            self.attention_loss = keras.metrics.Mean(name="attention_loss")

    def build(self, inputs_shape=None):
        if not self.head.built:
            self.head.build([tuple(level.shape) for level in self.levels.outputs])

    def compile(
        self,
        optimizer="adamw",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        **kwargs,
    ):
        """Configures training; arguments are those of `keras.Model.compile`.

        Args:
            optimizer: Keras optimizer.
            loss: Dictionary with a loss for `"boxes"` and one for `"classes"`; by
                default a `BoxLoss` and cross-entropy.
            loss_weights: Optional dictionary of the same keys.
            metrics: Optional dictionary of lists: those of `"boxes"`, such as
                `MeanBoxIoU`, are given the whole dictionary of targets, those of
                `"classes"` integer classes `(batch, 1)` and logits.
            weighted_metrics: Optional dictionary of lists that obey `sample_weight`;
                those of `"classes"` always do.
            **kwargs: Other arguments of `keras.Model.compile`.
        """
        if loss is None:
            loss = {
                "boxes": BoxLoss(self.bounding_box_format, self.image_shape),
                "classes": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            }
        if isinstance(metrics, dict) and "classes" in metrics:
            # A weight of 0 is how they learn that an image has no object.
            metrics, weighted_metrics = {**metrics}, {**(weighted_metrics or {})}
            both = [weighted_metrics.get("classes", []), metrics.pop("classes")]
            weighted_metrics["classes"] = keras.tree.flatten(both)
        super().compile(
            optimizer,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
            **kwargs,
        )

    def call(self, inputs, training=False):
        images, targets = self.read_inputs(inputs, training)
        learns = training and not self.freeze_batch_norm
        outputs = self.head(self.levels(images, training=learns), training=training)
        predicted = boxes.convert_format(
            outputs["boxes"], "rel_xyxy", self.bounding_box_format, self.image_shape
        )
        outputs = {
            "boxes": predicted[:, None],
            "classes": outputs["logits"],
            "attention": outputs["attention_logits"],
            "agreement": outputs["agreement"],
        }
        if targets is None:
            return outputs
        return {**outputs, "targets": self._given_targets(targets)}

    def read_inputs(self, inputs, training=False):
        """As of `BoxModel`, but of the objects the main one, after the augmentation."""
        images, objects = super().read_inputs(inputs, training)
        return images, None if objects is None else main_targets(objects)

    def decode_predictions(self, outputs):
        """Turns what `call` returns into what `predict` returns.

        Returns:
            Dictionary of `"boxes"` `(batch, 1, 4)`, clipped to the image, `"classes"`
            `(batch, 1)`, int32, and `"confidence"` `(batch, 1)`, the best class and
            its probability, and `"scores"` `(batch, num_classes)`, the probabilities.
        """
        format, shape = self.bounding_box_format, self.image_shape
        clipped = boxes.convert_format(outputs["boxes"], format, "xyxy", shape)
        clipped = boxes.clip_boxes(clipped, shape)
        scores = ops.softmax(outputs["classes"])
        return {
            "boxes": self._given(clipped),
            "classes": ops.cast(ops.argmax(scores, axis=-1), "int32")[:, None],
            "confidence": ops.max(scores, axis=-1, keepdims=True),
            "scores": scores,
        }

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        targets = self._targets_of(y, y_pred)
        # Keras averages over the batch; images without target are no part of it.
        counts = weights_of(targets)
        weights = weights_of(targets, sample_weight)
        weights = weights / ops.maximum(ops.mean(counts), 1e-6)
        loss = super().compute_loss(
            y={
                "boxes": targets["boxes"],
                "classes": ops.maximum(targets["classes"], 0.0),
            },
            y_pred={name: y_pred[name] for name in ("boxes", "classes")},
            sample_weight={"boxes": weights, "classes": weights},
        )
        if self.attention_weight:
            outside = attention_loss(
                boxes.convert_format(
                    targets["boxes"][:, 0],
                    self.bounding_box_format,
                    "rel_xyxy",
                    self.image_shape,
                ),
                y_pred["attention"],
            )
            outside = ops.mean(weights[:, 0] * outside)
            # As Keras tracks the other parts: a short batch counts less.
            self.attention_loss.update_state(outside, ops.shape(weights)[0])
            # The gradients of replicas are summed.
            loss = loss + self.attention_weight * outside / count_replicas()
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        targets = self._targets_of(y, y_pred)
        return super().compute_metrics(
            x,
            {"boxes": targets, "classes": ops.maximum(targets["classes"], 0.0)},
            {name: y_pred[name] for name in ("boxes", "classes")},
            weights_of(targets, sample_weight),
        )

    def _given_targets(self, targets):
        return {**targets, "boxes": self._given(targets["boxes"])}

    def _targets_of(self, y, y_pred):
        """Targets that `call` gave, or those of `fit`'s `y` as they came.

        Keras builds losses and metrics from what `call` makes of the images alone.
        """
        if "targets" in y_pred:
            return y_pred["targets"]
        return self._given_targets(main_targets(self._objects(given_boxes(y))))
