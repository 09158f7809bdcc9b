"""VICReg loss: invariance, variance and covariance of projections."""

import keras
from keras import ops

from ssl_voc.distributed import gather_across_replicas
from ssl_voc.similarity import check_pair

# Under the root of a variance, whose slope would be infinite at 0.
_EPSILON = 1e-4


def vicreg(
    projections_a, projections_b, invariance_weight, variance_weight, covariance_weight
):
    """Weighted sum of the three terms of VICReg, of each pair of a batch.

    As in the authors' code, the variance term is the mean over both views, where the
    paper's algorithm 1 has the sum: twice `variance_weight` gives that. Computed in
    float32 under every policy. Under a `tf.distribute` strategy variances and
    covariances are those of the projections of all replicas.

    Args:
        projections_a: Float tensor `(batch, dimensions)`, not normalized.
        projections_b: Float tensor `(batch, dimensions)`, row i being another view of
            the image of `projections_a[i]`.
        invariance_weight: Weight of `invariance_term`.
        variance_weight: Weight of `variance_term`.
        covariance_weight: Weight of `covariance_term`.

    Returns:
        Float32 tensor `(batch,)`, whose pairs differ in the invariance alone.

    Raises:
        ValueError: when the projections are not two matrices of one shape.

    Reference:
        - [Bardes et al., 2022](https://arxiv.org/abs/2105.04906)
    """
    invariance = invariance_term(projections_a, projections_b)
    variance = variance_term(projections_a, projections_b)
    covariance = covariance_term(projections_a, projections_b)
    return (
        invariance_weight * invariance
        + variance_weight * variance
        + covariance_weight * covariance
    )


@keras.saving.register_keras_serializable(package="ssl_voc")
def invariance_term(projections_a, projections_b):
    """Mean squared difference of the two views of each image.

    Args:
        projections_a: Float tensor `(batch, dimensions)`.
        projections_b: Float tensor `(batch, dimensions)`.

    Returns:
        Float32 tensor `(batch,)`.
    """
    check_pair(projections_a, projections_b)
    views = (ops.cast(side, "float32") for side in (projections_a, projections_b))
    return ops.mean(ops.square(ops.subtract(*views)), axis=1)


@keras.saving.register_keras_serializable(package="ssl_voc")
def variance_term(projections_a, projections_b):
    """How far standard deviations over the batch fall below 1: the mean of a hinge.

    Args:
        projections_a: Float tensor `(batch, dimensions)`.
        projections_b: Float tensor `(batch, dimensions)`.

    Returns:
        Float32 scalar in `[0, 0.99]`, the mean of both views: 0.99 where all
        projections have collapsed into one.
    """
    terms = []
    for side in (projections_a, projections_b):
        centered, divisor = _center(side)
        variances = ops.sum(ops.square(centered), axis=0) / divisor
        deviations = ops.sqrt(variances + _EPSILON)
        terms.append(ops.mean(ops.relu(1.0 - deviations)))
    return (terms[0] + terms[1]) / 2.0


@keras.saving.register_keras_serializable(package="ssl_voc")
def covariance_term(projections_a, projections_b):
    """Squared covariances of different dimensions, summed and divided by their number.

    Args:
        projections_a: Float tensor `(batch, dimensions)`.
        projections_b: Float tensor `(batch, dimensions)`.

    Returns:
        Float32 scalar, the sum over both views.
    """
    total = 0.0
    for side in (projections_a, projections_b):
        centered, divisor = _center(side)
        covariances = ops.matmul(ops.transpose(centered), centered) / divisor
        diagonal = ops.eye(side.shape[1], dtype="bool")
        others = ops.where(diagonal, 0.0, covariances)
        total += ops.sum(ops.square(others)) / side.shape[1]
    return total


def _center(projections):
    """Projections of all replicas without their mean, and the divisor of a variance."""
    everyone, _ = gather_across_replicas(ops.cast(projections, "float32"))
    centered = everyone - ops.mean(everyone, axis=0, keepdims=True)
    # A single image, left over in a last batch, has no variance.
    count = ops.cast(ops.shape(everyone)[0], "float32")
    return centered, ops.maximum(count - 1.0, 1.0)


@keras.saving.register_keras_serializable(package="ssl_voc")
class VICRegLoss(keras.losses.Loss):
    """VICReg: similar views, whose dimensions vary and do not repeat each other.

    The two views take the places of `y_true` and `y_pred`; the loss is symmetric in
    them. It needs no negatives and has no chance level: watch `variance_term`, which
    is 0.99 where projections have collapsed. See `vicreg` for the definition.

    Args:
        invariance_weight: Weight of `invariance_term`, at least 0.
        variance_weight: Weight of `variance_term`, at least 0.
        covariance_weight: Weight of `covariance_term`, at least 0.
        name: Optional name.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Example:

    >>> loss = ssl_voc.losses.VICRegLoss()
    >>> loss(projections_a, projections_b)

    Reference:
        - [Bardes et al., 2022](https://arxiv.org/abs/2105.04906)
    """

    def __init__(
        self,
        invariance_weight=25.0,
        variance_weight=25.0,
        covariance_weight=1.0,
        name="vicreg",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.invariance_weight = invariance_weight
        self.variance_weight = variance_weight
        self.covariance_weight = covariance_weight
        for key, weight in self._weights().items():
            if not weight >= 0:
                raise ValueError(
                    f"`{key}` must be a number of at least 0. Received: {key}={weight}"
                )

    def call(self, y_true, y_pred):
        # One value a pair: Keras then averages over all replicas' pairs.
        return vicreg(y_true, y_pred, **self._weights())

    def get_config(self):
        return {**super().get_config(), **self._weights()}

    def _weights(self):
        return {
            "invariance_weight": self.invariance_weight,
            "variance_weight": self.variance_weight,
            "covariance_weight": self.covariance_weight,
        }
