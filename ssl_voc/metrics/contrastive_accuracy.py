"""Top-1 accuracy of the contrastive task."""

import keras
from keras import ops

from ssl_voc.distributed import gather_across_replicas
from ssl_voc.similarity import contrastive_logits


@keras.saving.register_keras_serializable(package="ssl_voc")
class ContrastiveAccuracy(keras.metrics.Mean):
    """Share of views whose nearest other view shows the same image.

    Every one of the `2 * batch` views ranks the `2 * batch - 1` others by cosine
    similarity, so chance is `1 / (2 * batch - 1)`. A partner that ties with another
    candidate does not count as found: collapsed projections score 0, not by luck.

    Args:
        name: Name in the logs.
        dtype: Optional dtype of the metric's state.

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709), section 2.1
    """

    def __init__(self, name="contrastive_top1", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, projections_a, projections_b, sample_weight=None):
        """Adds a batch.

        Args:
            projections_a: Float tensor `(batch, dimensions)`, one view of each image.
            projections_b: Float tensor `(batch, dimensions)`, the other view.
            sample_weight: Ignored; pairs weigh alike.
        """
        logits, positives = contrastive_logits(
            projections_a, projections_b, gather=gather_across_replicas
        )
        positives = ops.expand_dims(positives, 1)
        partner = ops.take_along_axis(logits, positives, axis=1)
        # Counted by what is not below: projections that are nan compare as false, and
        # would be found by everyone otherwise. The partner itself is one of these.
        not_below = ops.logical_not(logits < partner)
        num_not_below = ops.sum(ops.cast(not_below, "float32"), axis=1)
        super().update_state(ops.cast(num_not_below < 1.5, "float32"))
