"""Loss of distances that are predicted as distributions."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="ssl_voc")
class DistributionFocalLoss(keras.losses.Loss):
    """Cross entropy with the two whole numbers on either side of each distance.

    A distance of 2.3 wants a probability of 0.7 for 2 and of 0.3 for 3: the mean of the
    distribution is then the distance. Distances beyond the last number are learned as
    the last.

    Shapes: `y_true` `(..., 4)`, distances to the sides of a box in the unit of the
    bins, and `y_pred` `(..., 4, num_bins)`, logits; the losses are `(...)`, each the
    mean over the sides.

    Args:
        name: Optional name.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Reference:
        - [Li et al., 2020](https://arxiv.org/abs/2006.04388), equation 6
    """

    def __init__(self, name="distribution_focal_loss", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        y_pred = ops.cast(ops.convert_to_tensor(y_pred), "float32")
        num_bins = y_pred.shape[-1]
        distances = ops.cast(ops.convert_to_tensor(y_true), "float32")
        distances = ops.clip(distances, 0.0, num_bins - 1.0)[..., None]
        # Of each bin the share that a distance has in it: a hat of width 2.
        shares = ops.relu(
            1.0 - ops.abs(distances - ops.arange(num_bins, dtype="float32"))
        )
        entropies = -ops.sum(shares * ops.log_softmax(y_pred, axis=-1), axis=-1)
        return ops.mean(entropies, axis=-1)
