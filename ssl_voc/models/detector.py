"""Keras model of a detector: every object of an image."""

import keras
from keras import ops

from ssl_voc import boxes, losses
from ssl_voc.layers.anchor_grid import AnchorGrid
from ssl_voc.layers.anchor_matching import IGNORED, match_anchors
from ssl_voc.layers.detection_head import DetectionHead
from ssl_voc.layers.feature_pyramid import FeaturePyramid
from ssl_voc.layers.non_max_suppression import suppress_non_maxima
from ssl_voc.models.box_model import BoxModel, given_boxes
from ssl_voc.models.pyramid import feature_levels

BACKBONE_STRIDES = (8, 16, 32)


@keras.saving.register_keras_serializable(package="ssl_voc")
class Detector(BoxModel):
    """Finds every object of an image: boxes with a class and a confidence each.

    A RetinaNet: feature maps of stride 8, 16 and 32, found in the backbone, become
    a pyramid of five levels; every anchor of every level has a score for each class and
    an offset; `predict` suppresses what is not a maximum. Targets are KerasCV's
    `{"boxes", "classes"}`, padded with class -1; images without objects are valid, and
    what lies on objects that are `difficult` teaches nothing.

    The train step is Keras' own. `call` augments the batch (while training), gives
    every anchor its target and predicts; `compute_loss` compares by the losses given to
    `compile` for `"boxes"` (of the anchors that have an object) and `"classes"`, both
    summed over anchors and divided by the number of anchors that have an object.

    `backbone`, `num_classes`, `bounding_box_format`, `augmenter`, `freeze_batch_norm`
    and the call arguments are those of `Localizer`.

    Args:
        anchor_grid: `ssl_voc.layers.AnchorGrid` of five levels; `AnchorGrid.fitted_to`
            makes one that fits the training boxes. By default squares of three strides.
        channels: Width of pyramid and head. KerasCV's RetinaNet has 256, which at small
            image sizes costs several times the backbone.
        num_layers: Number of convolutions in each tower of the head.
        nms_iou_threshold: IoU above which two boxes of a class are one object.
        score_threshold: Confidence from which `predict` reports a box. Average
            precision wants it low; people want 0.3 or more.
        max_detections: Number of detections that `predict` pads or cuts to.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Returns:
        Dictionary of float32 tensors: `"boxes"`, offsets `(batch, num_anchors, 4)` from
        `anchors`, `"classes"`, logits `(batch, num_anchors, num_classes)`; and, given
        targets, `"targets"`: what each anchor is to find, see `match_anchors`.
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
        - [Lin et al., 2017](https://arxiv.org/abs/1708.02002)
    """

    def __init__(
        self,
        backbone,
        num_classes,
        bounding_box_format="xyxy",
        augmenter=None,
        anchor_grid=None,
        channels=96,
        num_layers=2,
        nms_iou_threshold=0.5,
        score_threshold=0.01,
        max_detections=100,
        freeze_batch_norm=False,
        **kwargs,
    ):
        boxes.check_format(bounding_box_format)
        super().__init__(**kwargs)
        self.levels = feature_levels(backbone, BACKBONE_STRIDES)
        self.backbone = backbone
        self.num_classes = num_classes
        self.bounding_box_format = bounding_box_format
        self.augmenter = augmenter
        if anchor_grid is None:
            strides = AnchorGrid().strides
            anchor_grid = AnchorGrid([3 * stride for stride in strides], strides)
        num_coarser = len(anchor_grid.strides) - len(BACKBONE_STRIDES)
        expected = [BACKBONE_STRIDES[0] * 2**level for level in range(num_coarser + 3)]
        if num_coarser < 0 or [*anchor_grid.strides] != expected:
            raise ValueError(
                "`anchor_grid` must have the strides 8, 16, 32 and their doubles. "
                f"Received: strides={anchor_grid.strides}"
            )
        self.anchor_grid = anchor_grid
        self.channels = channels
        self.num_layers = num_layers
        self.nms_iou_threshold = nms_iou_threshold
        self.score_threshold = score_threshold
        self.max_detections = max_detections
        self.freeze_batch_norm = freeze_batch_norm
        policy = self.dtype_policy
        self.pyramid = FeaturePyramid(
            channels, num_coarser, dtype=policy, name="feature_pyramid"
        )
        self.head = DetectionHead(
            num_classes,
            anchor_grid.num_per_cell,
            channels,
            num_layers,
            dtype=policy,
            name="detection_head",
        )
        # xyxy in pixels of the image, (num_anchors, 4), float32
        self.anchors = anchor_grid.boxes(self.image_shape)
        self.matched_iou = keras.metrics.Mean(name="matched_iou")

    def build(self, inputs_shape=None):
        if not self.pyramid.built:
            self.pyramid.build([tuple(level.shape) for level in self.levels.outputs])
        if not self.head.built:
            levels = self.pyramid.compute_output_spec(self.levels.outputs)
            self.head.build([tuple(level.shape) for level in levels])

    def compile(self, optimizer="adamw", loss=None, loss_weights=None, **kwargs):
        """Configures training; arguments are those of `keras.Model.compile`.

        Args:
            optimizer: Keras optimizer.
            loss: Dictionary with a loss for `"boxes"`, given boxes `(batch,
                num_anchors, 4)` in `bounding_box_format`, and one for `"classes"`,
                given zeros and ones and logits `(batch, num_anchors, num_classes)`; by
                default `GIoULoss` and focal loss.
            loss_weights: Optional dictionary of the same keys; by default `"boxes"`
                weigh 2, so that both parts are of one size.
            **kwargs: Other arguments of `keras.Model.compile`; metrics are given what
                losses are given.
        """
        if loss is None:
            loss = {
                "boxes": losses.GIoULoss(self.bounding_box_format),
                "classes": keras.losses.BinaryFocalCrossentropy(
                    apply_class_balancing=True, alpha=0.25, gamma=2.0, from_logits=True
                ),
            }
            loss_weights = loss_weights or {"boxes": 2.0, "classes": 1.0}
        super().compile(optimizer, loss=loss, loss_weights=loss_weights, **kwargs)

    def call(self, inputs, training=False):
        targets = None
        if isinstance(inputs, dict):
            objects = self._objects(inputs)
            inputs = inputs["images"]
            if objects is not None:
                if training and self.augmenter is not None:
                    inputs, objects = self._augment(inputs, objects)
                targets = match_anchors(objects, self.anchors)
        learns = training and not self.freeze_batch_norm
        outputs = self.head(self.pyramid(self.levels(inputs, training=learns)))
        outputs = {"boxes": outputs["offsets"], "classes": outputs["logits"]}
        return outputs if targets is None else {**outputs, "targets": targets}

    def decode_predictions(self, outputs):
        """Turns what `call` returns into what `predict` returns.

        Returns:
            Dictionary of `"boxes"` `(batch, max_detections, 4)`, clipped to the image,
            `"confidence"` `(batch, max_detections)`, descending, `"classes"` `(batch,
            max_detections)`, int32, all padded with -1, and `"num_detections"`
            `(batch,)`, int32.
        """
        decoded = boxes.decode_offsets(outputs["boxes"], self.anchors)
        found = suppress_non_maxima(
            boxes.clip_boxes(decoded, self.image_shape),
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
        """Pairs of what each anchor should and does say, and how much they weigh."""
        targets = y_pred.get("targets")
        if targets is None:
            # Keras builds losses from what `call` makes of the images alone.
            targets = match_anchors(self._objects(given_boxes(y)), self.anchors)
        classes = targets["classes"]  # (batch, num_anchors)
        positive = ops.cast(boxes.is_object(classes), "float32")
        weights = {
            "boxes": positive,
            "classes": ops.cast(classes > IGNORED, "float32"),
        }
        # Keras averages over all anchors, and over the classes of each.
        number = ops.maximum(ops.mean(positive), 1.0 / len(self.anchors))
        weights["boxes"] = weights["boxes"] / number
        weights["classes"] = weights["classes"] * self.num_classes / number
        if sample_weight is not None:
            given = ops.cast(keras.tree.flatten(sample_weight)[0], "float32")
            given = ops.reshape(given, (-1, 1))
            weights = {name: given * values for name, values in weights.items()}
        decoded = boxes.decode_offsets(y_pred["boxes"], self.anchors)
        # A class of -1 or -2 is no row of ones at all.
        wanted = ops.one_hot(ops.cast(classes, "int32"), self.num_classes)
        pairs = {
            "boxes": (self._given(targets["boxes"]), self._given(decoded)),
            "classes": (wanted, y_pred["classes"]),
        }
        return pairs, weights

    def _objects(self, inputs):
        """Boxes in xyxy, classes and, where known, which are difficult."""
        if "bounding_boxes" not in inputs:
            return None
        given = inputs["bounding_boxes"]
        objects = {
            "boxes": boxes.convert_format(
                given["boxes"], self.bounding_box_format, "xyxy", self.image_shape
            ),
            "classes": ops.cast(given["classes"], "float32"),
        }
        if "difficult" in inputs:
            objects["difficult"] = inputs["difficult"]
        return objects

    def _augment(self, images, objects):
        objects = {**objects}
        inputs = {"images": images, "bounding_boxes": objects}
        if "difficult" in objects:
            inputs["difficult"] = objects.pop("difficult")
        augmented = self.augmenter(inputs, training=True)
        moved = {**augmented["bounding_boxes"]}
        if "difficult" in augmented:
            moved["difficult"] = augmented["difficult"]
        return augmented["images"], moved

    def _given(self, corners):
        """Boxes in xyxy in the format of targets and predictions."""
        return boxes.convert_format(
            corners, "xyxy", self.bounding_box_format, self.image_shape
        )
