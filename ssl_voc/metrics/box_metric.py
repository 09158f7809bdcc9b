"""Base class of the metrics of one predicted box per image."""

import keras
from keras import ops

from ssl_voc import boxes


class BoxMetric(keras.metrics.Mean):
    """Mean over images of a score of the predicted box's IoU; base of the box metrics.

    Images without an object are left out. Boxes may be in pixels of the original or of
    the letterboxed images: IoU is the same on axes of another scale. (An evaluation
    also clips predictions to the photo, which changes those that reach beyond it.)

    A subclass implements `score(ious)`.

    Args:
        bounding_box_format: Format of targets and predictions, as KerasCV names it.
        where: Optional dictionary that counts some objects only: `{"classes": 2}`, or
            `{"truncated": 1, "sizes": 0}` where targets have entries of that name.
        name: Name in the logs; by default the class' own and what `where` says.
        dtype: Optional dtype of the metric's state.
    """

    default_name = "box_metric"

    def __init__(self, bounding_box_format="xyxy", where=None, name=None, dtype=None):
        boxes.check_format(bounding_box_format)
        where = dict(where or {})
        if name is None:
            parts = [f"{key}_{value}" for key, value in where.items()]
            name = "_".join([self.default_name, *parts])
        super().__init__(name=name, dtype=dtype)
        self.bounding_box_format = bounding_box_format
        self.where = where

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch.

        Args:
            y_true: Dictionary with `"boxes"` `(batch, n, 4)` and `"classes"`
                `(batch, n)`, -1 where padded, and an entry `(batch, n)` for every other
                name in `where`; or the boxes alone, where those without area are
                padding. `n` may be left out where it is 1.
            y_pred: Boxes `(batch, 4)` or `(batch, 1, 4)`, or a dictionary that has them
                as `"boxes"`.
            sample_weight: Optional tensor `(batch,)`.
        """
        boxes_pred = y_pred["boxes"] if isinstance(y_pred, dict) else y_pred
        boxes_true = y_true["boxes"] if isinstance(y_true, dict) else y_true
        boxes_true, boxes_pred = self._corners(boxes_true), self._corners(boxes_pred)
        if boxes_pred.shape[1] != 1 or boxes_true.shape[1] != 1:
            raise ValueError(
                f"`{self.name}` wants one box an image: prepare the targets with the "
                "main object only, and predict one box. Received: "
                f"targets {tuple(boxes_true.shape)}, "
                f"predictions {tuple(boxes_pred.shape)}"
            )
        counted = self._counted(y_true, boxes_true)
        ious = boxes.elementwise_iou(boxes_true, boxes_pred)  # (batch, n)
        ious = ops.where(counted, ious, 0.0)
        weights = ops.cast(ops.any(counted, axis=1), "float32")
        if sample_weight is not None:
            sample_weight = ops.cast(ops.convert_to_tensor(sample_weight), "float32")
            weights = weights * ops.reshape(sample_weight, (-1,))
        super().update_state(self.score(ops.max(ious, axis=1)), weights)

    def score(self, ious):
        """Turns the IoU of each image's box, a tensor `(batch,)`, into what counts."""
        raise NotImplementedError

    def _corners(self, values):
        values = ops.convert_to_tensor(values)
        if len(values.shape) == 2:
            values = ops.expand_dims(values, axis=1)
        if len(values.shape) != 3 or values.shape[2] != 4:
            raise ValueError(
                "Boxes must have shape (batch, 4) or (batch, num_boxes, 4). "
                f"Received: shape={tuple(values.shape)}"
            )
        # IoU is the same in pixels and in shares of the image.
        relative = self.bounding_box_format.startswith("rel_")
        target = "rel_xyxy" if relative else "xyxy"
        return boxes.convert_format(values, self.bounding_box_format, target)

    def _counted(self, y_true, boxes_true):
        """Bool tensor `(batch, n)`: the objects that count."""
        if not isinstance(y_true, dict):
            if self.where:
                raise ValueError(
                    f"`{self.name}` counts objects where {self.where}, so targets must "
                    'be a dictionary of "boxes", "classes" and these. '
                    f"Received: {type(y_true).__name__}"
                )
            return boxes.box_areas(boxes_true) > 0.0
        counted = boxes.is_object(self._entry(y_true, "classes"))
        for key, value in self.where.items():
            matches = self._entry(y_true, key) == float(value)
            counted = ops.logical_and(counted, matches)
        return counted

    def _entry(self, y_true, key):
        """Float tensor `(batch, n)` of a number for each object."""
        if key not in y_true:
            raise ValueError(
                f'`{self.name}` needs the entry "{key}" of the targets. '
                f"Received: {', '.join(sorted(y_true))}"
            )
        entry = ops.cast(ops.convert_to_tensor(y_true[key]), "float32")
        return ops.expand_dims(entry, axis=1) if len(entry.shape) == 1 else entry

    def get_config(self):
        return {
            **super().get_config(),
            "bounding_box_format": self.bounding_box_format,
            "where": self.where,
        }
