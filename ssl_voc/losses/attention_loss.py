"""Attention loss: attention that lies outside the box of the object."""

from keras import ops


def attention_loss(boxes_rel_xyxy, attention_logits):
    """Negative log of the attention that lies inside a box.

    Args:
        boxes_rel_xyxy: Float tensor `(batch, 4)`, in shares of the image.
        attention_logits: Float tensor `(batch, rows, columns)` over the cells of the
            image, whose softmax is the attention.

    Returns:
        Float32 tensor `(batch,)`: 0 when all attention lies in cells that the box
        touches, the log of the number of cells over those touched when it is uniform.
        Also 0 where the box touches no cell: padding, or a box outside the image.
    """
    rows, columns = attention_logits.shape[1:]
    # Slices, since tensorflow's graph optimizer loses the axis of `[:, i, None]`.
    left, top, right, bottom = (boxes_rel_xyxy[:, i : i + 1] for i in range(4))
    column = ops.arange(columns, dtype="float32")
    row = ops.arange(rows, dtype="float32")
    # A cell is touched where its square of 1 / columns by 1 / rows is.
    touches_x = ops.logical_and(
        right * columns > column, left * columns < column + 1.0
    )  # (batch, columns)
    touches_y = ops.logical_and(bottom * rows > row, top * rows < row + 1.0)
    touched = ops.logical_and(touches_y[:, :, None], touches_x[:, None, :])
    touched = ops.reshape(touched, (-1, rows * columns))
    logits = ops.reshape(attention_logits, (-1, rows * columns))
    logits = ops.cast(logits, "float32")
    held = ops.logsumexp(ops.where(touched, logits, -1e9), axis=1)
    outside = ops.logsumexp(logits, axis=1) - held
    return ops.where(ops.any(touched, axis=1), outside, 0.0)
