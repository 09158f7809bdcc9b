"""Generalized and complete IoU, and their losses."""

import math

import keras
from keras import ops

from ssl_voc import boxes

# Keeps alpha from being 0 / 0 where the boxes are equal, as in torchvision.
_EPSILON = 1e-7


def giou(boxes_a, boxes_b):
    """Generalized intersection over union, elementwise.

    The IoU less the share of the smallest enclosing box that neither box covers.

    Args:
        boxes_a: Tensor `(..., 4)`, xyxy.
        boxes_b: Tensor `(..., 4)`, xyxy; the shapes broadcast.

    Returns:
        Float32 tensor `(...)` in `(-1, 1]`: 1 for equal boxes, towards -1 the further
        they are apart. Its gradient is finite for boxes without area as well.

    Reference:
        - [Rezatofighi et al., 2019](https://arxiv.org/abs/1902.09630), algorithm 1
    """
    boxes_a = boxes.convert_format(boxes_a, "xyxy", "xyxy")
    boxes_b = boxes.convert_format(boxes_b, "xyxy", "xyxy")
    iou, unions = boxes.iou_and_union(boxes_a, boxes_b)
    around = boxes.box_areas(boxes.enclosing_boxes(boxes_a, boxes_b))
    return iou - boxes.share_of_area(around - unions, around)


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
class GIoULoss(keras.losses.Loss):
    """One minus the generalized IoU of each predicted box with its target, in `[0, 2)`.

    Box by box: the shapes of targets and predictions are the same, and a tensor
    `(batch, num_boxes, 4)` has `(batch, num_boxes)` losses. Padding is left out by
    a `sample_weight` of that shape, `boxes.is_object(classes)`.

    Args:
        bounding_box_format: Format of both, as KerasCV names it. Pixels and shares of
            the image give the same loss.
        name: Optional name.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Example:

    >>> loss = ssl_voc.losses.GIoULoss("xyxy")
    >>> loss([[0.0, 0.0, 10.0, 10.0]], [[0.0, 0.0, 10.0, 10.0]])
    0.0

    Reference:
        - [Rezatofighi et al., 2019](https://arxiv.org/abs/1902.09630)
    """

    overlap = staticmethod(giou)

    def __init__(self, bounding_box_format="xyxy", name="giou_loss", **kwargs):
        boxes.check_format(bounding_box_format)
        super().__init__(name=name, **kwargs)
        self.bounding_box_format = bounding_box_format

    def call(self, y_true, y_pred):
        return 1.0 - self.overlap(
            *boxes.corners_of_pair(y_true, y_pred, self.bounding_box_format)
        )

    def get_config(self):
        return {**super().get_config(), "bounding_box_format": self.bounding_box_format}


@keras.saving.register_keras_serializable(package="ssl_voc")
class CIoULoss(GIoULoss):
    """One minus the complete IoU of each predicted box with its target, in `[0, 3)`.

    Where boxes do not overlap, its gradient moves the prediction towards the target and
    does not blow it up first. Arguments and shapes are those of `GIoULoss`, but
    distances and aspects are those of the unit: in shares of the image, those of the
    image made square.

    Reference:
        - [Zheng et al., 2020](https://arxiv.org/abs/1911.08287)
    """

    overlap = staticmethod(ciou)

    def __init__(self, bounding_box_format="xyxy", name="ciou_loss", **kwargs):
        super().__init__(bounding_box_format, name, **kwargs)
