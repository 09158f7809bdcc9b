"""Metrics of one predicted box per image: mean IoU and localization accuracy."""

import keras
from keras import ops

from ssl_voc import boxes


@keras.saving.register_keras_serializable(package="ssl_voc")
class MeanBoxIoU(keras.metrics.Mean):
    """Mean over images of the IoU of the predicted box and the target box.

    Not `keras.metrics.MeanIoU`, which compares pixels of a segmentation. Images without
    an object are left out, and a prediction that is not finite has an IoU of 0. Boxes
    may be in pixels of the original or of the letterboxed images: IoU is the same on
    axes of another scale. (An evaluation also clips predictions to the photo, which
    changes those that reach beyond it.)

    Args:
        bounding_box_format: Format of targets and predictions, as KerasCV names it.
        name: Name in the logs.
        dtype: Optional dtype of the metric's state.

    Example:

    >>> model.compile(..., metrics={"boxes": [ssl_voc.metrics.MeanBoxIoU()]})
    """

    def __init__(self, bounding_box_format="xyxy", name="mean_iou", dtype=None):
        boxes.check_format(bounding_box_format)
        super().__init__(name=name, dtype=dtype)
        self.bounding_box_format = bounding_box_format

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch.

        Args:
            y_true: Dictionary with `"boxes"` `(batch, 1, 4)` and `"classes"`
                `(batch, 1)`, -1 where padded; or the boxes alone, of which those
                without area are padding. The axis of 1 may be left out.
            y_pred: Boxes `(batch, 4)` or `(batch, 1, 4)`, or a dictionary that has them
                as `"boxes"`.
            sample_weight: Optional tensor `(batch,)`.
        """
        boxes_pred = y_pred["boxes"] if isinstance(y_pred, dict) else y_pred
        boxes_true = y_true["boxes"] if isinstance(y_true, dict) else y_true
        boxes_true, boxes_pred = self._corners(boxes_true), self._corners(boxes_pred)
        if isinstance(y_true, dict) and "classes" in y_true:
            counted = boxes.is_object(y_true["classes"])
        else:
            counted = boxes.box_areas(boxes_true) > 0.0
        weights = ops.cast(ops.reshape(counted, (-1,)), "float32")
        if sample_weight is not None:
            sample_weight = ops.cast(ops.convert_to_tensor(sample_weight), "float32")
            weights = weights * ops.reshape(sample_weight, (-1,))
        ious = boxes.elementwise_iou(boxes_true, boxes_pred)
        super().update_state(self.score(ious), weights)

    def score(self, ious):
        """Turns the IoU of each image's box, a tensor `(batch,)`, into what counts."""
        return ious

    def _corners(self, values):
        """Xyxy `(batch, 4)` in pixels or shares of the image: IoU is the same."""
        values = ops.convert_to_tensor(values)
        shape = tuple(values.shape)
        if len(shape) == 3 and shape[1] != 1:
            raise ValueError(
                f"`{self.name}` wants one box an image: prepare the targets with the "
                f"main object only, and predict one box. Received: shape={shape}"
            )
        if len(shape) not in (2, 3) or shape[-1] != 4:
            raise ValueError(
                f"Boxes must have shape (batch, 4) or (batch, 1, 4). Received: {shape}"
            )
        source = self.bounding_box_format
        target = boxes.corner_format(source)
        return boxes.convert_format(ops.reshape(values, (-1, 4)), source, target)

    def get_config(self):
        return {**super().get_config(), "bounding_box_format": self.bounding_box_format}


@keras.saving.register_keras_serializable(package="ssl_voc")
class LocalizationAccuracy(MeanBoxIoU):
    """LocAcc@t: share of images whose predicted box has an IoU above a threshold.

    Strictly above, and on boxes alone: the predicted class plays no part. Published
    figures differ in both.

    Args:
        threshold: IoU to exceed, in `[0, 1)`.
        bounding_box_format: See `MeanBoxIoU`, as for the images that count.
        name: Name in the logs; `loc_acc_50` for a threshold of 0.5.
        dtype: Optional dtype of the metric's state.
    """

    def __init__(
        self, threshold=0.5, bounding_box_format="xyxy", name=None, dtype=None
    ):
        if not 0.0 <= threshold < 1.0:
            raise ValueError(
                "`threshold` is an IoU to exceed and must lie in [0, 1). "
                f"Received: threshold={threshold}"
            )
        name = name or f"loc_acc_{100 * threshold:g}"
        super().__init__(bounding_box_format, name, dtype)
        self.threshold = threshold

    def score(self, ious):
        return ops.cast(ious > self.threshold, "float32")

    def get_config(self):
        return {**super().get_config(), "threshold": self.threshold}
