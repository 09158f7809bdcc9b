"""Vectors of unit length, and logits of contrastive losses and metrics."""

import numpy as np
from keras import ops

# Takes the place of a masked logit. Finite, so that a row's softmax stays free of nan,
# and far beyond the range of a cosine divided by any temperature in use.
MASKED = -1e9
# Shorter vectors count as zero: near the end of float32 divisions are not safe.
_SMALLEST = 1e-30


def l2_normalize(vectors):
    """Scales vectors to unit length in float32, whatever the policy computes in.

    Args:
        vectors: Float tensor `(..., dimensions)`.

    Returns:
        Float32 tensor of the same shape; a zero vector stays zero.
    """
    vectors = ops.cast(vectors, "float32")
    # Squares of small entries would vanish and those of large ones overflow. A factor
    # changes no direction, so no gradient flows through it.
    largest = ops.stop_gradient(ops.max(ops.abs(vectors), axis=-1, keepdims=True))
    vectors = vectors / ops.where(largest > _SMALLEST, largest, 1.0)
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    # At least 1 but for zero vectors, whose gradient stays finite by the bound.
    return vectors * ops.rsqrt(ops.maximum(squares, 0.5))


def unit_vectors(vectors):
    """Scales vectors to unit length, by NumPy in the precision that they have.

    Args:
        vectors: Float array `(..., dimensions)`.

    Returns:
        Array of the same shape; a zero vector stays zero.
    """
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0.0, lengths, 1.0)


def contrastive_logits(projections_a, projections_b, temperature=1.0, gather=None):
    """Compares every view with every other view.

    Row `i < batch` is image `i` seen in view a, row `batch + i` the same image in
    view b. Columns are ordered alike. A view is masked against itself, so a row has
    `2 * batch - 1` candidates, one of which is its positive.

    Args:
        projections_a: Float tensor `(batch, dimensions)`, one view of each image.
        projections_b: Float tensor `(batch, dimensions)`, the other view.
        temperature: Positive number that divides the cosine similarities.
        gather: Optional function from a tensor of this replica to the tensor of all
            replicas and the index in it of this replica's first row, such as
            `ssl_voc.distributed.gather_across_replicas`; `None` compares within the
            replica.

    Returns:
        Tuple `(logits, positives)`: float32 tensor `(2 * batch, 2 * global_batch)` and
        int32 tensor `(2 * batch,)` with each row's column of its positive.

    Raises:
        ValueError: when the two tensors are not `(batch, dimensions)` of one shape.

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709), equation 1
    """
    check_pair(projections_a, projections_b)
    normalized_a, normalized_b = (
        l2_normalize(projections_a),
        l2_normalize(projections_b),
    )
    all_a, all_b, offset = normalized_a, normalized_b, 0
    if gather is not None:
        all_a, offset = gather(normalized_a)
        all_b, _ = gather(normalized_b)
    rows = ops.concatenate([normalized_a, normalized_b], axis=0)
    columns = ops.concatenate([all_a, all_b], axis=0)
    logits = ops.matmul(rows, ops.transpose(columns)) / temperature

    batch_size, global_size = ops.shape(normalized_a)[0], ops.shape(all_a)[0]
    own_a = ops.arange(batch_size, dtype="int32") + offset
    own = ops.concatenate([own_a, own_a + global_size], axis=0)
    positives = ops.concatenate([own_a + global_size, own_a], axis=0)
    # A view is its own nearest neighbour: keep it out of the denominator.
    itself = ops.equal(
        ops.expand_dims(own, 1), ops.arange(2 * global_size, dtype="int32")
    )
    return ops.where(itself, MASKED, logits), positives


def check_pair(projections_a, projections_b):
    """Raises unless both tensors are `(batch, dimensions)` of one shape."""
    shape_a, shape_b = tuple(projections_a.shape), tuple(projections_b.shape)
    if len(shape_a) != 2 or shape_a != shape_b:
        raise ValueError(
            "`projections_a` and `projections_b` must both have shape (batch, "
            "dimensions), row i of either being a view of image i. "
            f"Received: projections_a.shape={shape_a}, projections_b.shape={shape_b}"
        )
