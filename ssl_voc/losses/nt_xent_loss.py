"""NT-Xent, the contrastive loss of SimCLR."""

import keras
from keras import ops

from ssl_voc.distributed import gather_across_replicas
from ssl_voc.similarity import contrastive_logits


def nt_xent(projections_a, projections_b, temperature):
    """Normalized temperature-scaled cross entropy over the pairs of a batch.

    Each of the `2 * batch` views has to find the other view of its image among the
    `2 * batch - 1` views that are not itself; the loss is the mean cross entropy of
    that choice. A model that knows nothing scores `log(2 * batch - 1)`. Computed in
    float32 under every policy. Under a `tf.distribute` strategy the candidates are
    gathered from all replicas.

    Args:
        projections_a: Float tensor `(batch, dimensions)`; need not be normalized.
        projections_b: Float tensor `(batch, dimensions)`, row i being another view of
            the image of `projections_a[i]`.
        temperature: Positive number; small ones weigh hard negatives more.

    Returns:
        Float32 scalar.

    Raises:
        ValueError: when the projections are not two matrices of one shape.

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709), equation 1
    """
    return ops.mean(nt_xent_per_pair(projections_a, projections_b, temperature))


def nt_xent_per_pair(projections_a, projections_b, temperature):
    """`nt_xent` before the mean over pairs: a float32 tensor `(batch,)`."""
    logits, positives = contrastive_logits(
        projections_a, projections_b, temperature, gather_across_replicas
    )
    positive_logits = ops.take_along_axis(logits, ops.expand_dims(positives, 1), axis=1)
    per_view = ops.logsumexp(logits, axis=1) - positive_logits[:, 0]
    return ops.mean(ops.reshape(per_view, (2, -1)), axis=0)


@keras.saving.register_keras_serializable(package="ssl_voc")
class NTXentLoss(keras.losses.Loss):
    """NT-Xent, the loss of SimCLR, for a pair of projections.

    The two views take the places of `y_true` and `y_pred`; the loss is symmetric in
    them. See `nt_xent` for the definition.

    Args:
        temperature: Positive number that divides the cosine similarities; the default
            is that of `pretrain`.
        name: Optional name.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Example:

    >>> loss = ssl_voc.losses.NTXentLoss()
    >>> loss(projections_a, projections_b)

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709)
    """

    def __init__(self, temperature=0.15, name="nt_xent", **kwargs):
        if not temperature > 0:
            raise ValueError(
                "`temperature` must be a positive number; SimCLR used 0.1 to 0.5. "
                f"Received: temperature={temperature}"
            )
        super().__init__(name=name, **kwargs)
        self.temperature = temperature

    def call(self, y_true, y_pred):
        # One value a pair: Keras then averages over all replicas' pairs.
        return nt_xent_per_pair(y_true, y_pred, self.temperature)

    def chance_level(self, batch_size):
        """Loss of a model that knows nothing: `log(2 * batch_size - 1)`.

        Args:
            batch_size: Number of image pairs, over all replicas; integer or tensor.

        Returns:
            Float32 scalar tensor.
        """
        return ops.log(2.0 * ops.cast(batch_size, "float32") - 1.0)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}
