"""Cells of feature maps of two views of a photo that show the same place."""

from keras import ops

from ssl_voc.layers.resampling import pixel_centers

# Of the centers of cells that match, in diagonals of a cell: PixPro's.
_MAX_DISTANCE = 0.7


def cell_centers(boxes_rel_xyxy, flips, shape, offset=0.0):
    """Centers of the cells of a view's feature map, as places in the photo.

    The map divides the view into equal cells, and the view was cut out of the photo and
    then, perhaps, mirrored.

    Args:
        boxes_rel_xyxy: Float tensor `(batch, 4)`: the crop of each view, as fractions
            of its photo.
        flips: Bool tensor `(batch,)`: whether the crop was then mirrored.
        shape: Tuple `(rows, columns)` of the feature map.
        offset: How far to the right of these centers, and below them, the cells look,
            in cells; number or scalar tensor. See `ssl_voc.models.cell_offsets`.

    Returns:
        Float32 tensor `(batch, rows * columns, 2)`: x and y as fractions of the photo,
        row by row of the map.
    """
    rows, columns = shape
    boxes = ops.cast(boxes_rel_xyxy, "float32")
    left, top, right, bottom = (boxes[:, side] for side in range(4))
    # A mirrored view begins at the right side of its crop.
    x = pixel_centers(
        ops.where(flips, right, left), ops.where(flips, left, right), columns, offset
    )
    y = pixel_centers(top, bottom, rows, offset)
    centers = ops.stack(
        [
            ops.tile(x[:, None, :], (1, rows, 1)),
            ops.tile(y[:, :, None], (1, 1, columns)),
        ],
        axis=-1,
    )
    return ops.reshape(centers, (-1, rows * columns, 2))


def match_cells(boxes_a, flips_a, boxes_b, flips_b, shape, offset=0.0):
    """Tells which cells of two views of a photo lie at the same place of it.

    Cells match whose centers are nearer than 0.7 of a cell's diagonal: of the larger
    cells, where one view shows more of the photo than the other.

    Args:
        boxes_a: Float tensor `(batch, 4)`: the crop of one view of each photo, xyxy as
            fractions of the photo.
        flips_a: Bool tensor `(batch,)`: whether that crop was then mirrored.
        boxes_b: Float tensor `(batch, 4)` of the other view.
        flips_b: Bool tensor `(batch,)` of the other view.
        shape: Tuple `(rows, columns)` of the feature map of either view.
        offset: As of `cell_centers`.

    Returns:
        Bool tensor `(batch, rows * columns, rows * columns)`: whether cell i of view a
        matches cell j of view b.

    Reference:
        - [Xie et al., 2020](https://arxiv.org/abs/2011.10043), equation 1
    """
    centers_a = cell_centers(boxes_a, flips_a, shape, offset)
    centers_b = cell_centers(boxes_b, flips_b, shape, offset)
    shifts = centers_a[:, :, None, :] - centers_b[:, None, :, :]
    distances = ops.sum(ops.square(shifts), axis=-1)
    diagonals = ops.maximum(
        _squared_diagonals(boxes_a, shape), _squared_diagonals(boxes_b, shape)
    )
    return distances < _MAX_DISTANCE**2 * diagonals[:, None, None]


def _squared_diagonals(boxes_rel_xyxy, shape):
    """Squared diagonals `(batch,)` of a cell of each view, in its photo."""
    boxes = ops.cast(boxes_rel_xyxy, "float32")
    rows, columns = shape
    widths = (boxes[:, 2] - boxes[:, 0]) / columns
    heights = (boxes[:, 3] - boxes[:, 1]) / rows
    return ops.square(widths) + ops.square(heights)
