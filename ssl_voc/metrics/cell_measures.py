"""Measures of the cells of feature maps: whether places of a photo are told apart."""

import math

import numpy as np

from ssl_voc.metrics.rank_me import rank_of_singular_values
from ssl_voc.similarity import unit_vectors


def spatial_rank(maps):
    """Mean over photos of the effective rank of the cells of one photo.

    1 where all cells of a photo have one feature, up to a scale; at most the number of
    cells, or of channels.

    Args:
        maps: Float array `(num_photos, rows, columns, channels)`.

    Returns:
        Float; nan when a feature is not finite.

    Raises:
        ValueError: when `maps` is not such an array.

    Reference:
        - [Garrido et al., 2023](https://arxiv.org/abs/2210.02885), the rank
        - [Dai et al., 2025](https://arxiv.org/abs/2510.17299), ranks of dense features
    """
    cells = _cells_of(maps)
    if not np.all(np.isfinite(cells)):
        return math.nan  # The decomposition would not converge.
    # By the products of cells with each other: a photo has few cells of many channels.
    products = np.matmul(cells, cells.transpose(0, 2, 1))
    singular_values = np.sqrt(np.maximum(np.linalg.eigvalsh(products), 0.0))
    return float(np.mean(rank_of_singular_values(singular_values)))


def cell_match_gap(maps_a, maps_b, matches):
    """Cosine of cells at one place of a photo, less that of cells at different places.

    Args:
        maps_a: Float array `(num_photos, rows, columns, channels)`, maps of one crop of
            each photo.
        maps_b: Float array of the same shape, of another crop.
        matches: Bool array `(num_photos, rows * columns, rows * columns)`: whether cell
            i of crop a shows the place of cell j of crop b.

    Returns:
        Float in `[-2, 2]`: the mean over pairs that match less the mean over pairs of
        the same photo that do not. 0 where the features tell no places apart, as of a
        network that pools; nan when either kind of pair is missing or a feature is not
        finite.
    """
    cells = (unit_vectors(_cells_of(maps)) for maps in (maps_a, maps_b))
    cosines = np.einsum("pnd,pmd->pnm", *cells)
    matches = np.asarray(matches, bool)
    if matches.all() or not matches.any():
        return math.nan
    return float(cosines[matches].mean() - cosines[~matches].mean())


def _cells_of(maps):
    """Cells `(num_photos, rows * columns, channels)` in float64."""
    maps = np.asarray(maps, "float64")
    if maps.ndim != 4 or 0 in maps.shape:
        raise ValueError(
            "Feature maps must have shape (num_photos, rows, columns, channels), none "
            f"of them 0. Received: shape={maps.shape}"
        )
    return maps.reshape(len(maps), -1, maps.shape[-1])
