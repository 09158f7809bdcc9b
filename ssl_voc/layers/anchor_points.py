"""Anchor points: the places in an image that a detector looks for objects from."""

import numpy as np


def anchor_points(level_shapes, strides):
    """Centers of the cells of feature maps.

    Args:
        level_shapes: `(rows, columns)` of each level, finest first.
        strides: Pixels from cell to cell of each level.

    Returns:
        Tuple of float32 arrays: the points `(num_points, 2)`, x and y in pixels, level
        by level and row by row; and the stride `(num_points,)` of each.

    Reference:
        - [Tian et al., 2019](https://arxiv.org/abs/1904.01355), section 3.1
    """
    points, strides_of_points = [], []
    for (rows, columns), stride in zip(level_shapes, strides, strict=True):
        x, y = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
        points.append(stride * np.stack([x.ravel(), y.ravel()], axis=-1))
        strides_of_points.append(np.full(rows * columns, stride))
    return (
        np.concatenate(points).astype("float32"),
        np.concatenate(strides_of_points).astype("float32"),
    )
