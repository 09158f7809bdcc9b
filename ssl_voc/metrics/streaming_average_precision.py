"""VOC average precision over batches."""

import keras
import numpy as np
from keras import ops

from ssl_voc.boxes import check_format, convert_format, corner_format
from ssl_voc.metrics.average_precision import check_protocol, score_matches
from ssl_voc.metrics.detection_matching import concatenate_matches, match_detections


class VOCAveragePrecision:
    """Average precision of Pascal VOC over batches of images.

    Each batch is matched as it comes and only its detections, objects and matches are
    kept: exact, whatever the sizes of the batches. It has the methods of a Keras metric
    but is none: what it keeps grows with the images, which a compiled graph cannot
    hold, and it wants decoded boxes, which exist in `predict` only. Call it on the
    results of `predict` or `predict_on_batch`, at the end of an epoch for example, not
    in `compile(metrics=...)`.

    Args:
        num_classes: Number of classes.
        protocol: `"voc07"` or `"voc10"`, as of `score_matches`.
        iou_threshold: IoU that a right detection exceeds.
        bounding_box_format: Format of the boxes of both sides. IoU has no unit: shares
            of the image (`"rel_..."`) need no size.
        name: Name for logs; `voc07_ap50` by default.

    Example:
        ```python
        metric = VOCAveragePrecision(num_classes=20)
        for images, boxes_true in batches:
            metric.update_state(boxes_true, model.predict_on_batch(images))
        print(metric.result())
        ```
    """

    def __init__(
        self,
        num_classes,
        protocol="voc07",
        iou_threshold=0.5,
        bounding_box_format="xyxy",
        name=None,
    ):
        check_protocol(protocol)
        check_format(bounding_box_format)
        if num_classes < 1:
            raise ValueError(
                f"`num_classes` must be at least 1. Received: num_classes={num_classes}"
            )
        self.num_classes = num_classes
        self.protocol = protocol
        self.iou_threshold = iou_threshold
        self.bounding_box_format = bounding_box_format
        self.name = name or f"{protocol}_ap{100 * iou_threshold:g}"
        self._parts = []

    def update_state(self, y_true, y_pred):
        """Adds a batch.

        Args:
            y_true: Dictionary of arrays or tensors `"boxes"` `(batch, M, 4)`,
                `"classes"` `(batch, M)`, -1 where padded, and optionally `"difficult"`
                `(batch, M)`. M may differ from batch to batch.
            y_pred: Dictionary of `"boxes"` `(batch, D, 4)`, `"classes"` and
                `"confidence"` `(batch, D)`, padded likewise.

        Raises:
            ValueError: as of `match_detections`; the batch is not added.
        """
        sides = (self._corners(y_pred), self._corners(y_true))
        self._parts.append(
            match_detections(*sides, self.iou_threshold, self.num_classes)
        )

    def reset_state(self):
        """Forgets all batches."""
        self._parts = []

    def result(self):
        """Mean average precision of all batches, a float; nan without objects."""
        return self.average_precision().mean

    def average_precision(self):
        """`AveragePrecision` of all batches: classes and curves as well."""
        return score_matches(self.matches(), self.protocol)

    def matches(self):
        """`Matches` of all batches, for groups, intervals and confusions."""
        if not self._parts:
            nothing = {
                "boxes": np.zeros((0, 0, 4)),
                "classes": np.zeros((0, 0)),
                "confidence": np.zeros((0, 0)),
            }
            return match_detections(
                nothing, nothing, self.iou_threshold, self.num_classes
            )
        # One part from here on: asking after every batch joins nothing twice.
        self._parts = [concatenate_matches(self._parts)]
        return self._parts[0]

    def _corners(self, side):
        """NumPy arrays with xyxy boxes."""
        side = keras.tree.map_structure(ops.convert_to_numpy, dict(side))
        source = self.bounding_box_format
        target = corner_format(source)
        if source != target and "boxes" in side:
            boxes = convert_format(side["boxes"], source, target)
            side["boxes"] = ops.convert_to_numpy(boxes)
        return side
