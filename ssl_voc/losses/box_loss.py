"""Box loss: overlap and smooth L1 of the corners."""

import keras
from keras import ops

from ssl_voc import boxes
from ssl_voc.losses.iou_losses import ciou, giou

OVERLAPS = {"giou": giou, "ciou": ciou}
# Where smooth L1 turns from a square into a line, in shares of the image.
_BETA = 0.05


@keras.saving.register_keras_serializable(package="ssl_voc")
class BoxLoss(keras.losses.Loss):
    """One minus an IoU of each box with its target, plus smooth L1 of its corners.

    Overlap is what is measured in the end; smooth L1 gives every side a gradient, also
    where boxes lie apart. Its unit is the share of the image, so the sum does not
    depend on the resolution.

    Args:
        bounding_box_format: Format of both, as KerasCV names it.
        image_shape: `(height, width)` of the images in pixels; may be left out for
            relative formats.
        overlap: `"giou"` or `"ciou"`.
        smooth_l1_weight: Weight of smooth L1, the mean over the four sides divided by
            its `beta` of 0.05: an error of 5 % of the image in every side costs half of
            it.
        name: Optional name.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Reference:
        - [Rezatofighi et al., 2019](https://arxiv.org/abs/1902.09630) and
          [Carion et al., 2020](https://arxiv.org/abs/2005.12872), section 3.1, for
          the sum of both
    """

    def __init__(
        self,
        bounding_box_format="xyxy",
        image_shape=None,
        overlap="giou",
        smooth_l1_weight=0.5,
        name="box_loss",
        **kwargs,
    ):
        boxes.check_format(bounding_box_format)
        if overlap not in OVERLAPS:
            raise ValueError(
                f"`overlap` must be one of {', '.join(OVERLAPS)}. Received: {overlap!r}"
            )
        if image_shape is None and not bounding_box_format.startswith("rel_"):
            raise ValueError(
                f"Boxes in pixels need `image_shape`, (height, width). Received: "
                f"bounding_box_format={bounding_box_format!r}, image_shape=None"
            )
        super().__init__(name=name, **kwargs)
        self.bounding_box_format = bounding_box_format
        self.image_shape = None if image_shape is None else tuple(image_shape)
        self.overlap = overlap
        self.smooth_l1_weight = smooth_l1_weight

    def call(self, y_true, y_pred):
        pair = boxes.corners_of_pair(y_true, y_pred, self.bounding_box_format)
        if not self.bounding_box_format.startswith("rel_"):
            pair = [
                boxes.convert_format(side, "xyxy", "rel_xyxy", self.image_shape)
                for side in pair
            ]
        errors = ops.abs(pair[0] - pair[1])
        smooth = ops.where(
            errors < _BETA, ops.square(errors) / (2 * _BETA), errors - _BETA / 2
        )
        apart = 1.0 - OVERLAPS[self.overlap](*pair)
        return apart + self.smooth_l1_weight / _BETA * ops.mean(smooth, axis=-1)

    def get_config(self):
        return {
            **super().get_config(),
            "bounding_box_format": self.bounding_box_format,
            "image_shape": self.image_shape,
            "overlap": self.overlap,
            "smooth_l1_weight": self.smooth_l1_weight,
        }
