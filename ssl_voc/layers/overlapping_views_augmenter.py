"""Two random views of every image, whose crops overlap."""

import keras
from keras import ops

from ssl_voc.boxes import elementwise_iou
from ssl_voc.layers.random_layer import check_rate
from ssl_voc.layers.simclr_augmenter import NUM_VIEWS, SimCLRAugmenter

# Second crops to choose from.
_NUM_CANDIDATES = 8


@keras.saving.register_keras_serializable(package="ssl_voc")
class OverlappingViewsAugmenter(SimCLRAugmenter):
    """Draws two views of every image that have a part of it in common.

    The second crop is drawn until it overlaps the first. Eight are drawn at once, which
    compiles on every device: the first that overlaps enough is taken, else the one that
    overlaps most.

    Args:
        image_size: Side of the square views, in pixels.
        min_iou: Intersection over union that the two crops are to reach, in `[0, 1]`.
        **kwargs: Further arguments of `SimCLRAugmenter`, whose call arguments and
            result this layer has.

    Example:

    >>> augmenter = ssl_voc.layers.OverlappingViewsAugmenter(image_size=96, seed=0)
    >>> boxes_a, boxes_b = augmenter(photos)["boxes_rel_xyxy"]
    """

    def __init__(self, image_size, min_iou=0.2, **kwargs):
        super().__init__(image_size, **kwargs)
        check_rate("min_iou", min_iou)
        self.min_iou = min_iou

    def draw_boxes(self, images):
        batch_size = ops.shape(images)[0] // NUM_VIEWS
        sides = images.shape[1:3]
        boxes_a = self.crop.draw_boxes(batch_size, *sides)
        candidates = ops.reshape(
            self.crop.draw_boxes(batch_size * _NUM_CANDIDATES, *sides),
            (-1, _NUM_CANDIDATES, 4),
        )
        overlaps = elementwise_iou(boxes_a[:, None, :], candidates)
        fits = ops.cast(overlaps >= self.min_iou, "float32")
        # Of equals, `argmax` gives the first.
        chosen = ops.where(
            ops.any(fits > 0.0, axis=1),
            ops.argmax(fits, axis=1),
            ops.argmax(overlaps, axis=1),
        )
        boxes_b = ops.take_along_axis(candidates, chosen[:, None, None], axis=1)
        return ops.concatenate([boxes_a, boxes_b[:, 0]], axis=0)
