"""Localization accuracy at a threshold of IoU."""

import keras
from keras import ops

from ssl_voc.metrics.box_metric import BoxMetric


@keras.saving.register_keras_serializable(package="ssl_voc")
class LocalizationAccuracy(BoxMetric):
    """LocAcc@t: share of images whose predicted box has an IoU above a threshold.

    Strictly above, and on boxes alone: the predicted class plays no part. Published
    figures differ in both.

    Args:
        threshold: IoU to exceed, in `[0, 1)`.
        bounding_box_format: See `BoxMetric`.
        where: See `BoxMetric`.
        name: Name in the logs; `loc_acc_50` for a threshold of 0.5.
        dtype: Optional dtype of the metric's state.
    """

    def __init__(
        self,
        threshold=0.5,
        bounding_box_format="xyxy",
        where=None,
        name=None,
        dtype=None,
    ):
        if not 0.0 <= threshold < 1.0:
            raise ValueError(
                "`threshold` is an IoU to exceed and must lie in [0, 1). "
                f"Received: threshold={threshold}"
            )
        self.default_name = f"loc_acc_{100 * threshold:g}"
        super().__init__(bounding_box_format, where, name, dtype)
        self.threshold = threshold

    def score(self, ious):
        return ops.cast(ious > self.threshold, "float32")

    def get_config(self):
        return {**super().get_config(), "threshold": self.threshold}
