"""Keras model of a detector: every object of an image."""

import keras
from keras import ops

from ssl_voc import boxes, losses
from ssl_voc.layers.anchor_points import anchor_points
from ssl_voc.layers.detection_head import DetectionHead
from ssl_voc.layers.non_max_suppression import suppress_non_maxima
from ssl_voc.layers.path_aggregation import PathAggregation
from ssl_voc.layers.random_layer import check_rate
from ssl_voc.layers.task_aligned_assignment import IGNORED, assign_objects
from ssl_voc.models.box_model import BoxModel, given_boxes
from ssl_voc.models.pyramid import feature_levels

STRIDES = (8, 16, 32)
# Weights of the losses, those of YOLOv8.
LOSS_WEIGHTS = {"boxes": 7.5, "sides": 1.5, "classes": 0.5}


@keras.saving.register_keras_serializable(package="ssl_voc")
class Detector(BoxModel):
    """Finds every object of an image: boxes with a class and a confidence each.

    Without anchor boxes: feature maps of stride 8, 16 and 32, found in the backbone,
    exchange what they know; each of their cells, a point of the image, has a score for
    each class and the distances to the four sides of a box; `predict` suppresses what
    is not a maximum. Targets are KerasCV's `{"boxes", "classes"}`, padded with class
    -1; images without objects are valid, and what lies on objects that are `difficult`
    teaches nothing.

    The train step is Keras' own. `call` augments the batch (while training), predicts
    and gives every point its target, see `assign_objects`; `compute_loss` compares by
    the losses given to `compile` for `"boxes"`, `"sides"` and `"classes"`. They are
    summed over points, those of boxes weighted by the quality of each point, and
    divided by the sum of these qualities.

    `backbone`, `num_classes`, `bounding_box_format`, `augmenter`, `freeze_batch_norm`
    and the call arguments are those of `Localizer`. A class from `num_classes` on makes
    the loss NaN.

    Args:
        channels: Width of path aggregation and head.
        num_layers: Number of convolutions in each tower of the head.
        nms_iou_threshold: IoU above which two boxes of a class are one object.
        score_threshold: Confidence from which `predict` reports a box. Average
            precision wants it low; people want 0.3 or more.
        max_detections: Number of detections that `predict` pads or cuts to.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Returns:
        Dictionary of float32 tensors: `"sides"`, logits `(batch, num_points, 4,
        num_bins)` of the distances from `points` to the sides of their boxes, see
        `decode_boxes`, and `"classes"`, logits `(batch, num_points, num_classes)`; and,
        given targets, `"targets"`: what each point is to find, see `assign_objects`.
        `predict` returns the dictionary of `decode_predictions` instead.

    Example:

    >>> model = ssl_voc.Detector(
    ...     ssl_voc.backbone("EfficientNetB1", image_size=160, weights="runs/photos"),
    ...     num_classes=5,
    ...     augmenter=ssl_voc.layers.DetectionAugmenter(160),
    ... )
    >>> model.compile(keras.optimizers.AdamW(1e-3, global_clipnorm=10.0))
    >>> model.fit(batches, steps_per_epoch=40, epochs=30)
    >>> model.predict(photos)["boxes"]

    Reference:
        - [Feng et al., 2021](https://arxiv.org/abs/2108.07755), and Ultralytics' YOLOv8
          for head, losses and their weights
    """

    def __init__(
        self,
        backbone,
        num_classes,
        bounding_box_format="xyxy",
        augmenter=None,
        channels=64,
        num_layers=2,
        nms_iou_threshold=0.6,
        score_threshold=0.001,
        max_detections=100,
        freeze_batch_norm=False,
        **kwargs,
    ):
        boxes.check_format(bounding_box_format)
        check_rate("nms_iou_threshold", nms_iou_threshold)
        check_rate("score_threshold", score_threshold)
        if max_detections < 1:
            raise ValueError(
                "`max_detections` must be at least 1. Received: "
                f"max_detections={max_detections}"
            )
        super().__init__(**kwargs)
        self.levels = feature_levels(backbone, STRIDES)
        self.backbone = backbone
        self.num_classes = num_classes
        self.bounding_box_format = bounding_box_format
        self.augmenter = augmenter
        self.channels = channels
        self.num_layers = num_layers
        self.nms_iou_threshold = nms_iou_threshold
        self.score_threshold = score_threshold
        self.max_detections = max_detections
        self.freeze_batch_norm = freeze_batch_norm
        policy = self.dtype_policy
        self.neck = PathAggregation(channels, dtype=policy, name="path_aggregation")
        self.head = DetectionHead(
            num_classes, channels, num_layers, dtype=policy, name="detection_head"
        )
        # (num_points, 2), x and y in pixels of the image; and (num_points,)
        shapes = [level.shape[1:3] for level in self.levels.outputs]
        self.points, self.strides = anchor_points(shapes, STRIDES)
        self.matched_iou = keras.metrics.Mean(name="matched_iou")

    def build(self, inputs_shape=None):
        shapes = [tuple(level.shape) for level in self.levels.outputs]
        if not self.neck.built:
            self.neck.build(shapes)
        if not self.head.built:
            self.head.build(self.neck.compute_output_shape(shapes))

    def compile(self, optimizer="adamw", loss=None, loss_weights=None, **kwargs):
        """Configures training; arguments are those of `keras.Model.compile`.

        Args:
            optimizer: Keras optimizer.
            loss: Dictionary with a loss for `"boxes"`, given boxes `(batch,
                num_points, 4)` in `bounding_box_format`; one for `"sides"`, given
                distances `(batch, num_points, 4)` in strides and logits `(batch,
                num_points, 4, num_bins)`; and one for `"classes"`, given qualities and
                logits `(batch, num_points, num_classes)`; by default `CIoULoss`,
                `DistributionFocalLoss` and binary cross entropy.
            loss_weights: Optional dictionary of the same keys; by default those of
                YOLOv8.
            **kwargs: Other arguments of `keras.Model.compile`; metrics are given what
                losses are given.
        """
        if loss is None:
            loss = {
                "boxes": losses.CIoULoss(self.bounding_box_format),
                "sides": losses.DistributionFocalLoss(),
                "classes": keras.losses.BinaryCrossentropy(from_logits=True),
            }
        loss_weights = loss_weights or LOSS_WEIGHTS
        super().compile(optimizer, loss=loss, loss_weights=loss_weights, **kwargs)

    def call(self, inputs, training=False):
        images, objects = self.read_inputs(inputs, training)
        levels = self.levels(images, training=training and not self.freeze_batch_norm)
        levels = self.neck(levels, training=training)
        outputs = self.head(levels, training=training)
        if objects is None:
            return outputs
        return {**outputs, "targets": self._assign(objects, outputs)}

    def decode_boxes(self, outputs):
        """Boxes `(batch, num_points, 4)` of what `call` returns, xyxy in pixels.

        The distance to a side is the mean of its distribution. Nothing is clipped.
        """
        bins = ops.arange(outputs["sides"].shape[-1], dtype="float32")
        shares = ops.softmax(ops.cast(outputs["sides"], "float32"), axis=-1)
        # By `ops`: torch does not compute with arrays of NumPy.
        distances = ops.multiply(self.strides[:, None], ops.sum(shares * bins, axis=-1))
        starts = ops.subtract(self.points, distances[..., :2])
        ends = ops.add(self.points, distances[..., 2:])
        return ops.concatenate([starts, ends], axis=-1)

    def decode_predictions(self, outputs):
        """Turns what `call` returns into what `predict` returns.

        Returns:
            Dictionary of `"boxes"` `(batch, max_detections, 4)`, clipped to the image,
            `"confidence"` `(batch, max_detections)`, descending, `"classes"` `(batch,
            max_detections)`, int32, all padded with -1, and `"num_detections"`
            `(batch,)`, int32.
        """
        found = suppress_non_maxima(
            boxes.clip_boxes(self.decode_boxes(outputs), self.image_shape),
            ops.sigmoid(outputs["classes"]),
            self.nms_iou_threshold,
            self.score_threshold,
            self.max_detections,
        )
        exists = boxes.is_object(found["classes"])[..., None]
        return {**found, "boxes": ops.where(exists, self._given(found["boxes"]), -1.0)}

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        pairs, weights = self._compare(y, y_pred, sample_weight)
        return super().compute_loss(
            y={name: pair[0] for name, pair in pairs.items()},
            y_pred={name: pair[1] for name, pair in pairs.items()},
            sample_weight=weights,
        )

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        pairs, weights = self._compare(y, y_pred, sample_weight)
        corners = boxes.corners_of_pair(*pairs["boxes"], self.bounding_box_format)
        self.matched_iou.update_state(boxes.elementwise_iou(*corners), weights["boxes"])
        return super().compute_metrics(
            x,
            {name: pair[0] for name, pair in pairs.items()},
            {name: pair[1] for name, pair in pairs.items()},
            weights,
        )

    def _compare(self, y, y_pred, sample_weight):
        """Pairs of what each point should and does say, and how much they weigh."""
        targets = y_pred.get("targets")
        if targets is None:
            # Keras builds losses from what `call` makes of the images alone.
            targets = self._assign(self._objects(given_boxes(y)), y_pred)
        classes, quality = targets["classes"], targets["quality"]
        # Keras averages over all points, and over the classes of each.
        total = ops.maximum(ops.sum(quality), 1.0)
        scale = ops.cast(ops.size(quality), "float32") / total
        of_boxes = quality * scale
        is_learned = ops.cast(classes > IGNORED, "float32")
        weights = {
            "boxes": of_boxes,
            "sides": of_boxes,
            "classes": is_learned * self.num_classes * scale,
        }
        if sample_weight is not None:
            given = ops.cast(keras.tree.flatten(sample_weight)[0], "float32")
            given = ops.reshape(given, (-1, 1))
            weights = {name: given * values for name, values in weights.items()}
        # A class of -1 or -2 is no row of ones at all.
        labels = ops.minimum(ops.cast(classes, "int32"), self.num_classes - 1)
        wanted = ops.one_hot(labels, self.num_classes)
        # One that the model does not have would be taught as another, or background.
        is_known = ops.expand_dims(classes < self.num_classes, -1)
        wanted = ops.where(is_known, wanted, float("nan"))
        corners = targets["boxes"]
        sides = ops.concatenate(
            [
                ops.subtract(self.points, corners[..., :2]),
                ops.subtract(corners[..., 2:], self.points),
            ],
            axis=-1,
        )
        decoded = self.decode_boxes(y_pred)
        pairs = {
            "boxes": (self._given(corners), self._given(decoded)),
            "sides": (ops.divide(sides, self.strides[:, None]), y_pred["sides"]),
            "classes": (wanted * quality[..., None], y_pred["classes"]),
        }
        return pairs, weights

    def _assign(self, objects, outputs):
        """What each point is to find, by what it predicts."""
        predictions = {
            "boxes": self.decode_boxes(outputs),
            "scores": ops.sigmoid(outputs["classes"]),
        }
        # Two points of the finest level in a row, and two of these rows.
        min_side = 2.0 * min(STRIDES)
        return assign_objects(objects, predictions, self.points, min_side=min_side)
