"""BYOL loss: distance of a prediction from a teacher's projection."""

import keras
from keras import ops

from ssl_voc.similarity import check_pair, l2_normalize


def byol(targets, predictions):
    """Squared distance of normalized vectors, `2 - 2 cos`, of each pair.

    Computed in float32 under every policy. Gradients flow into both: the targets of a
    `ssl_voc.models.MomentumTeacher` have none.

    Args:
        targets: Float tensor `(batch, dimensions)`; need not be normalized.
        predictions: Float tensor `(batch, dimensions)`, row i being predicted from
            another view of the image of `targets[i]`.

    Returns:
        Float32 tensor `(batch,)` in `[0, 4]`: 2 for unrelated directions. 0 is no
        merit in itself: where all projections have collapsed into one, it is 0.

    Raises:
        ValueError: when the two are not matrices of one shape.

    Reference:
        - [Grill et al., 2020](https://arxiv.org/abs/2006.07733), equation 2
    """
    check_pair(targets, predictions)
    cosines = ops.sum(l2_normalize(targets) * l2_normalize(predictions), axis=1)
    return 2.0 - 2.0 * cosines


@keras.saving.register_keras_serializable(package="ssl_voc")
class BYOLLoss(keras.losses.Loss):
    """Mean squared distance of normalized predictions from normalized targets.

    The teacher's projections are `y_true`, the student's predictions `y_pred`. See
    `byol` for the definition. There is no chance level: watch
    `ssl_voc.metrics.ProjectionSpread`.

    Args:
        name: Optional name.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Reference:
        - [Grill et al., 2020](https://arxiv.org/abs/2006.07733)
    """

    def __init__(self, name="byol", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        return byol(y_true, y_pred)
