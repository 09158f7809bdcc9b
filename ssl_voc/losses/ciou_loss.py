"""Complete IoU: overlap, distance of the centers, and aspect."""

import math

import keras
from keras import ops

from ssl_voc import boxes

# Keeps alpha from being 0 / 0 where the boxes are equal, as in torchvision.
_EPSILON = 1e-7


def ciou(boxes_true, boxes_pred):
    """Complete intersection over union, elementwise.

    The IoU, less the squared distance of the centers as a share of the squared
    diagonal of the enclosing box, less `alpha * v`:

    - `v = 4 / pi^2 * (arctan(w_true / h_true) - arctan(w_pred / h_pred))^2`,
    - `alpha = v / (1 - IoU + v)`, a weight, through which no gradient flows.

    Args:
        boxes_true: Tensor `(..., 4)`, xyxy.
        boxes_pred: Tensor `(..., 4)`, xyxy; the shapes broadcast.

    Returns:
        Float32 tensor `(...)`, 1 for equal boxes, above -2. Its gradient is finite for
        boxes without area as well.

    Reference:
        - [Zheng et al., 2020](https://arxiv.org/abs/1911.08287), equations 7 to 11
    """
    boxes_true = boxes.convert_format(boxes_true, "xyxy", "xyxy")
    boxes_pred = boxes.convert_format(boxes_pred, "xyxy", "xyxy")
    iou = boxes.elementwise_iou(boxes_true, boxes_pred)
    around = boxes.enclosing_boxes(boxes_true, boxes_pred)
    diagonals = ops.sum(ops.square(around[..., 2:] - around[..., :2]), axis=-1)
    shifts = boxes_true - boxes_pred
    shifts = (shifts[..., :2] + shifts[..., 2:]) / 2.0  # of the centers
    distances = boxes.share_of_area(ops.sum(ops.square(shifts), axis=-1), diagonals)
    v = 4.0 / math.pi**2 * ops.square(_angles(boxes_true) - _angles(boxes_pred))
    alpha = ops.stop_gradient(v / (1.0 - iou + v + _EPSILON))
    return iou - distances - alpha * v


def _angles(corners):
    """Angles `(...)` of the boxes' diagonals, arctan(width / height)."""
    widths = corners[..., 2] - corners[..., 0]
    heights = corners[..., 3] - corners[..., 1]
    # A box without area has no aspect, and its angle no gradient; see `share_of_area`.
    exists = ops.logical_and(
        ops.minimum(widths, heights) > 0.0, widths * heights > boxes.SMALLEST_AREA
    )
    return ops.where(
        exists,
        ops.arctan2(ops.where(exists, widths, 1.0), ops.where(exists, heights, 1.0)),
        math.pi / 4.0,
    )


@keras.saving.register_keras_serializable(package="ssl_voc")
class CIoULoss(keras.losses.Loss):
    """One minus the complete IoU of each predicted box with its target, in `[0, 3)`.

    Box by box, as `GIoULoss`. Where boxes do not overlap, its gradient moves the
    prediction towards the target and does not blow it up first.

    Args:
        bounding_box_format: Format of both, as KerasCV names it. Distances and aspects
            are those of the unit: in shares of the image, those of the image made
            square.
        name: Optional name.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Example:

    >>> loss = ssl_voc.losses.CIoULoss("xyxy")
    >>> loss([[0.0, 0.0, 10.0, 10.0]], [[0.0, 0.0, 10.0, 10.0]])
    0.0

    Reference:
        - [Zheng et al., 2020](https://arxiv.org/abs/1911.08287)
    """

    def __init__(self, bounding_box_format="xyxy", name="ciou_loss", **kwargs):
        boxes.check_format(bounding_box_format)
        super().__init__(name=name, **kwargs)
        self.bounding_box_format = bounding_box_format

    def call(self, y_true, y_pred):
        return 1.0 - ciou(
            *boxes.corners_of_pair(y_true, y_pred, self.bounding_box_format)
        )

    def get_config(self):
        return {**super().get_config(), "bounding_box_format": self.bounding_box_format}
