"""How often the predicted box finds any object at all."""

import keras

from ssl_voc.metrics.localization_accuracy import LocalizationAccuracy


@keras.saving.register_keras_serializable(package="ssl_voc")
class CorLoc(LocalizationAccuracy):
    """Share of images whose predicted box has an IoU above 0.5 with any object.

    Unlike `LocalizationAccuracy`, targets hold all objects of an image, padded with
    class -1, and finding another than the main one counts. Targets that are the main
    objects may have all as `"all_objects"`, as a `Localizer` evaluating
    `pipelines.localization` gives them; an augmented batch has the main ones only. With
    `where`, objects that do not match are not looked for.

    Args:
        threshold: IoU to exceed, in `[0, 1)`; 0.5 in the literature.
        bounding_box_format: See `BoxMetric`.
        where: See `BoxMetric`.
        name: Name in the logs.
        dtype: Optional dtype of the metric's state.

    Reference:
        - [Deselaers et al., 2012](https://doi.org/10.1007/s11263-012-0538-3)
    """

    one_target = False

    def __init__(
        self,
        threshold=0.5,
        bounding_box_format="xyxy",
        where=None,
        name="corloc",
        dtype=None,
    ):
        super().__init__(threshold, bounding_box_format, where, name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        if isinstance(y_true, dict):
            y_true = y_true.get("all_objects", y_true)
        super().update_state(y_true, y_pred, sample_weight)
