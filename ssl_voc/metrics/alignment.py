"""Alignment of the two views of an image."""

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
        super().update_state(ops.sum(ops.square(difference), axis=-1))
