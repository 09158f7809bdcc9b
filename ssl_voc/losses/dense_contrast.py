"""Decoupled contrastive loss of the cells of feature maps, matched by place."""

from keras import ops

from ssl_voc.distributed import gather_across_replicas
from ssl_voc.similarity import MASKED, l2_normalize


def dense_contrast(cells_a, cells_b, matches, temperature):
    """Contrast of every cell with the cells of its place and with other photos.

    A cell of either view is drawn to the cells of the other view that it matches, by
    the mean of their cosines, and away from the pooled cells of the `2 * batch - 2`
    views of other photos. As in `dcl` the positives are left out of the denominator, so
    a model that knows nothing scores `log(2 * batch - 2)`. Cells without a match have
    no say. Computed in float32 under every policy. Under a `tf.distribute` strategy
    the pooled cells are gathered from all replicas.

    Args:
        cells_a: Float tensor `(batch, num_cells, dimensions)`, projections of the cells
            of one view of each photo; need not be normalized.
        cells_b: Float tensor `(batch, num_cells, dimensions)` of the other view.
        matches: Bool tensor `(batch, num_cells, num_cells)`: whether cell i of view a
            shows the place of cell j of view b.
        temperature: Positive number that divides the cosines.

    Returns:
        Float32 tensor `(batch,)`: the mean over the matched cells of each photo, of
        both views; 0 for a photo without any, or alone in its batch.

    Raises:
        ValueError: when the cells are not two tensors `(batch, num_cells, dimensions)`
            of one shape.

    Reference:
        - [Wang et al., 2020](https://arxiv.org/abs/2011.09157), whose negatives are
          pooled cells
        - [Xie et al., 2020](https://arxiv.org/abs/2011.10043), whose positives are
          given by place
        - [Yeh et al., 2021](https://arxiv.org/abs/2110.06848), decoupling
    """
    shapes = tuple(cells_a.shape), tuple(cells_b.shape)
    if len(shapes[0]) != 3 or shapes[0] != shapes[1]:
        raise ValueError(
            "`cells_a` and `cells_b` must both have shape (batch, num_cells, "
            f"dimensions). Received: cells_a.shape={shapes[0]}, "
            f"cells_b.shape={shapes[1]}"
        )
    matches = ops.cast(matches, "float32")
    pooled, own_columns = _pool(cells_a, cells_b)
    cells_a, cells_b = l2_normalize(cells_a), l2_normalize(cells_b)
    total, num_matched = 0.0, 0.0
    for cells, others, weights in (
        (cells_a, cells_b, matches),
        (cells_b, cells_a, ops.transpose(matches, (0, 2, 1))),
    ):
        count = ops.sum(weights, axis=2)
        positive = ops.divide_no_nan(
            ops.sum(cells * ops.matmul(weights, others), axis=2), count
        )
        logits = ops.einsum("bnd,kd->bnk", cells, pooled) / temperature
        logits = ops.where(own_columns[:, None, :], MASKED, logits)
        per_cell = ops.logsumexp(logits, axis=2) - positive / temperature
        is_matched = ops.cast(count > 0.0, "float32")
        total = total + ops.sum(is_matched * per_cell, axis=1)
        num_matched = num_matched + ops.sum(is_matched, axis=1)
    per_photo = ops.divide_no_nan(total, num_matched)
    return ops.where(ops.all(own_columns, axis=1), 0.0, per_photo)


def _pool(cells_a, cells_b):
    """Pooled cells of all views, and which of them each photo has itself.

    Returns:
        Tuple of the normalized means `(2 * global_batch, dimensions)` of the cells of
        either view of all replicas' photos, and a bool tensor `(batch, 2 *
        global_batch)`.
    """
    sides = [
        gather_across_replicas(
            l2_normalize(ops.mean(ops.cast(cells, "float32"), axis=1))
        )
        for cells in (cells_a, cells_b)
    ]
    (pooled_a, offset), (pooled_b, _) = sides
    own = ops.arange(ops.shape(cells_a)[0], dtype="int32") + offset
    photos = ops.arange(ops.shape(pooled_a)[0], dtype="int32")
    photos = ops.concatenate([photos, photos], axis=0)
    return ops.concatenate([pooled_a, pooled_b], axis=0), ops.equal(
        own[:, None], photos[None, :]
    )
