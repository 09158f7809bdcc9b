"""Mean IoU of predicted and target boxes."""

import keras

from ssl_voc.metrics.box_metric import BoxMetric


@keras.saving.register_keras_serializable(package="ssl_voc")
class MeanBoxIoU(BoxMetric):
    """Mean over images of the IoU of the predicted box and the target box.

    Not `keras.metrics.MeanIoU`, which compares pixels of a segmentation. A prediction
    that is not finite has an IoU of 0. For the arguments see `BoxMetric`.

    Example:

    >>> model.compile(..., metrics={"boxes": [ssl_voc.metrics.MeanBoxIoU()]})
    """

    default_name = "mean_iou"

    def score(self, ious):
        return ious
