"""Generalized IoU: overlap with a gradient for boxes that do not touch."""

import keras

from ssl_voc import boxes


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

    def __init__(self, bounding_box_format="xyxy", name="giou_loss", **kwargs):
        boxes.check_format(bounding_box_format)
        super().__init__(name=name, **kwargs)
        self.bounding_box_format = bounding_box_format

    def call(self, y_true, y_pred):
        return 1.0 - giou(
            *boxes.corners_of_pair(y_true, y_pred, self.bounding_box_format)
        )

    def get_config(self):
        return {**super().get_config(), "bounding_box_format": self.bounding_box_format}
