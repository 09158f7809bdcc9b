"""Decoupled contrastive loss of the cells of feature maps, matched by place."""

from keras import ops

from ssl_voc.distributed import gather_across_replicas
from ssl_voc.similarity import MASKED, l2_normalize


def dense_contrast(cells_a, cells_b, matches, temperature):
    """Contrast of every cell with the cells of its place and with other photos.

    A cell of either view is drawn to the cells of the other view that it matches, by
    the mean of their cosines, and away from the `2 * batch - 2` cells that have its row
    and column in the views of other photos. As in `dcl` the positives are left out of
    the denominator, so a model that knows nothing scores `log(2 * batch - 2)`. Cells
    without a match have no say. Computed in float32 under every policy. Under a
    `tf.distribute` strategy the other cells are gathered from all replicas.

    DenseCL's negatives are pooled cells. Then a cell is found by its row and column,
    which padding gives away: matched cells often have the same ones, and a mean over
    all of them has none. Here those of the negatives are the same, and tell nothing.

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
        - [Wang et al., 2020](https://arxiv.org/abs/2011.09157), contrast of cells
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
    cells_a, cells_b = l2_normalize(cells_a), l2_normalize(cells_b)
    (all_a, offset), (all_b, _) = map(gather_across_replicas, (cells_a, cells_b))
    candidates = ops.concatenate([all_a, all_b], axis=0)
    photos = ops.arange(ops.shape(all_a)[0], dtype="int32")
    own = ops.arange(ops.shape(cells_a)[0], dtype="int32") + offset
    # (batch, 2 * global_batch): whether a candidate shows the photo itself.
    is_own = ops.equal(own[:, None], ops.concatenate([photos, photos], axis=0))
    total, num_matched = 0.0, 0.0
    for cells, others, weights in (
        (cells_a, cells_b, matches),
        (cells_b, cells_a, ops.transpose(matches, (0, 2, 1))),
    ):
        count = ops.sum(weights, axis=2)
        positive = ops.divide_no_nan(
            ops.sum(cells * ops.matmul(weights, others), axis=2), count
        )
        logits = ops.einsum("bnd,knd->bnk", cells, candidates) / temperature
        logits = ops.where(is_own[:, None, :], MASKED, logits)
        per_cell = ops.logsumexp(logits, axis=2) - positive / temperature
        is_matched = ops.cast(count > 0.0, "float32")
        total = total + ops.sum(is_matched * per_cell, axis=1)
        num_matched = num_matched + ops.sum(is_matched, axis=1)
    per_photo = ops.divide_no_nan(total, num_matched)
    return ops.where(ops.all(is_own, axis=1), 0.0, per_photo)
