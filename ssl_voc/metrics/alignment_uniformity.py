"""Alignment and uniformity of contrastive projections."""

import keras
from keras import ops

from ssl_voc.similarity import check_pair, l2_normalize


@keras.saving.register_keras_serializable(package="ssl_voc")
class Alignment(keras.metrics.Mean):
    """Mean squared distance between the normalized projections of two views.

    0 when the views of every image coincide, 2 for unrelated directions, at most 4.
    Low alignment alone is no merit: collapsed features have it too. Read it beside
    `Uniformity`.

    Args:
        name: Name in the logs.
        dtype: Optional dtype of the metric's state.

    Reference:
        - [Wang and Isola, 2020](https://arxiv.org/abs/2005.10242)
    """

    def __init__(self, name="alignment", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, projections_a, projections_b, sample_weight=None):
        """Adds a batch of pairs, two float tensors `(batch, dimensions)`."""
        check_pair(projections_a, projections_b)
        difference = l2_normalize(projections_a) - l2_normalize(projections_b)
        distances = ops.sum(ops.square(difference), axis=-1)
        super().update_state(distances, sample_weight)


@keras.saving.register_keras_serializable(package="ssl_voc")
class Uniformity(keras.metrics.Mean):
    """Logarithm of the mean of `exp(-2 d ** 2)` over pairs of different images.

    `d` is the distance of two normalized projections of one view side; both sides are
    averaged. 0 when all projections coincide (collapse), about -4 when they spread
    evenly in many dimensions. Pairs are formed within a batch, so a batch of one image
    adds nothing; without any pair it is NaN. Weights of images are ignored. Arguments
    and reference are those of `Alignment`.
    """

    def __init__(self, name="uniformity", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, projections_a, projections_b, sample_weight=None):
        """Adds a batch of pairs, two float tensors `(batch, dimensions)`."""
        check_pair(projections_a, projections_b)
        for side in (projections_a, projections_b):
            side = l2_normalize(side)
            cosines = ops.matmul(side, ops.transpose(side))
            potentials = ops.exp(-2.0 * (2.0 - 2.0 * cosines))
            different = 1.0 - ops.eye(ops.shape(side)[0], dtype="float32")
            # Flat, since `Mean` would give every row, not every pair, the same weight.
            super().update_state(
                ops.reshape(potentials, (-1,)), ops.reshape(different, (-1,))
            )

    def result(self):
        mean = ops.log(ops.maximum(super().result(), 1e-30))
        return ops.where(self.count > 0, mean, float("nan"))
