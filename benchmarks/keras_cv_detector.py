"""keras-cv's RetinaNet on a backbone of `keras.applications`: the peer."""

import keras
import keras_cv

# Where strides 8, 16 and 32 end: block names differ between EfficientNets.
LEVELS = {
    "EfficientNetB0": ("block3b_add", "block5c_add", "top_activation"),
    "EfficientNetB1": ("block3c_add", "block5d_add", "top_activation"),
}
# Of ours, to be as its heads and pyramid, which take no other width.
AS_WIDE = {"channels": 256, "num_layers": 3}


def build_retinanet(backbone_name, image_size, num_classes, **settings):
    """A `keras_cv.models.RetinaNet` of random weights.

    Args:
        backbone_name: One of `LEVELS`.
        image_size: Side of its photos in pixels.
        num_classes: Number of classes.
        **settings: Further arguments of it.
    """
    backbone = getattr(keras.applications, backbone_name)(
        include_top=False, weights=None, input_shape=(image_size, image_size, 3)
    )
    backbone.pyramid_level_inputs = dict(
        zip(("P3", "P4", "P5"), LEVELS[backbone_name], strict=True)
    )
    return keras_cv.models.RetinaNet(
        backbone=backbone,
        num_classes=num_classes,
        bounding_box_format="xyxy",
        **settings,
    )
