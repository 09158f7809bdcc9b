"""Decoupled contrastive loss with smoothed targets."""

import keras
from keras import ops

from ssl_voc.distributed import gather_across_replicas
from ssl_voc.similarity import MASKED, contrastive_logits


def dcl(projections_a, projections_b, temperature, smoothing=0.0):
    """Decoupled contrastive loss of each pair of a batch.

    NT-Xent whose denominator leaves the positive out: a view is drawn to the other view
    of its image and away from the `2 * batch - 2` views of other images, and a pair
    that is found already keeps its gradient. A model that knows nothing scores
    `log(2 * batch - 2)`; the loss of a good one is negative.

    With smoothing, a share of the target lies on the negatives, evenly: some of them
    show the same thing, and some crops of an image nothing of it. Computed in float32
    under every policy. Under a `tf.distribute` strategy the candidates are gathered
    from all replicas.

    Args:
        projections_a: Float tensor `(batch, dimensions)`; need not be normalized.
        projections_b: Float tensor `(batch, dimensions)`, row i being another view of
            the image of `projections_a[i]`.
        temperature: Positive number; small ones weigh hard negatives more.
        smoothing: Share of the target on the negatives, in `[0, 1)`; number or scalar
            tensor.

    Returns:
        Float32 tensor `(batch,)`.

    Raises:
        ValueError: when the projections are not two matrices of one shape.

    Reference:
        - [Yeh et al., 2021](https://arxiv.org/abs/2110.06848), equation 6
        - [Lin et al., 2022](https://arxiv.org/abs/2212.07158), smoothing
    """
    logits, positives = contrastive_logits(
        projections_a, projections_b, temperature, gather_across_replicas
    )
    columns = ops.arange(ops.shape(logits)[1], dtype="int32")
    is_positive = ops.equal(ops.expand_dims(positives, 1), columns)
    positive_logits = ops.sum(ops.where(is_positive, logits, 0.0), axis=1)
    # So written NaN counts, and makes the loss NaN.
    is_masked = logits <= MASKED / 2
    is_negative = ops.logical_not(is_positive | is_masked)
    negative_logits = ops.where(is_negative, logits, MASKED)
    num_negatives = ops.sum(ops.cast(is_negative, "float32"), axis=1)
    mean_negative = ops.divide_no_nan(
        ops.sum(ops.where(is_negative, logits, 0.0), axis=1), num_negatives
    )
    smoothing = ops.cast(smoothing, "float32")
    target = (1.0 - smoothing) * positive_logits + smoothing * mean_negative
    per_view = ops.logsumexp(negative_logits, axis=1) - target
    # An image without rivals, left over in a last batch, has nothing to be told from.
    per_view = ops.where(num_negatives > 0, per_view, 0.0)
    return ops.mean(ops.reshape(per_view, (2, -1)), axis=0)


@keras.saving.register_keras_serializable(package="ssl_voc")
class DCLLoss(keras.losses.Loss):
    """Decoupled contrastive loss for a pair of projections.

    The two views take the places of `y_true` and `y_pred`; the loss is symmetric in
    them. See `dcl` for the definition.

    Args:
        temperature: Positive number that divides the cosine similarities.
        smoothing: Share of the target on the negatives, in `[0, 1)`; a `keras.Variable`
            can be changed while training (under jax the model must own it, as an
            attribute: a compiled step holds other variables as constants).
        name: Optional name.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Example:

    >>> loss = ssl_voc.losses.DCLLoss(temperature=0.1)
    >>> loss(projections_a, projections_b)

    Reference:
        - [Yeh et al., 2021](https://arxiv.org/abs/2110.06848)
    """

    def __init__(self, temperature=0.1, smoothing=0.0, name="dcl", **kwargs):
        if not temperature > 0:
            raise ValueError(
                "`temperature` must be a positive number; DCL used 0.07 to 0.2. "
                f"Received: temperature={temperature}"
            )
        share = float(smoothing)
        if not 0.0 <= share < 1.0:
            raise ValueError(
                "`smoothing` is a share and must lie in [0, 1). "
                f"Received: smoothing={share}"
            )
        super().__init__(name=name, **kwargs)
        self.temperature = temperature
        self.smoothing = smoothing

    def call(self, y_true, y_pred):
        # One value a pair: Keras then averages over all replicas' pairs.
        return dcl(y_true, y_pred, self.temperature, self.smoothing)

    def chance_level(self, batch_size):
        """Loss of a model that knows nothing: `log(2 * batch_size - 2)`.

        Args:
            batch_size: Number of image pairs, over all replicas; integer or tensor.

        Returns:
            Float32 scalar tensor; 0 for one pair, which has no negatives.
        """
        negatives = 2.0 * ops.cast(batch_size, "float32") - 2.0
        return ops.log(ops.maximum(negatives, 1.0))

    def get_config(self):
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "smoothing": float(self.smoothing),
        }
