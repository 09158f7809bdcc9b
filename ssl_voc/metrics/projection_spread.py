"""Spread of normalized projections, which tells a collapse."""

import keras
from keras import ops

from ssl_voc.distributed import gather_across_replicas
from ssl_voc.similarity import check_pair, l2_normalize


@keras.saving.register_keras_serializable(package="ssl_voc")
class ProjectionSpread(keras.metrics.Mean):
    """Standard deviation of normalized projections, in units of `1 / sqrt(dimensions)`.

    Taken over the batch in each dimension, averaged over dimensions and both views. 1
    when the projections spread evenly over the sphere, 0 when those of all images
    coincide: the collapse that losses without negatives take for a success. Weights of
    images are ignored.

    Args:
        name: Name in the logs.
        dtype: Optional dtype of the metric's state.

    Reference:
        - [Chen and He, 2021](https://arxiv.org/abs/2011.10566), section 4.1
    """

    def __init__(self, name="spread", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, projections_a, projections_b, sample_weight=None):
        """Adds a batch of pairs, two float tensors `(batch, dimensions)`."""
        check_pair(projections_a, projections_b)
        for side in (projections_a, projections_b):
            everyone, _ = gather_across_replicas(l2_normalize(side))
            deviations = ops.std(everyone, axis=0)
            # Of the images of a batch: a short one counts less, and one alone tells
            # nothing.
            others = ops.shape(everyone)[0] - 1
            super().update_state(ops.mean(deviations) * side.shape[1] ** 0.5, others)
