"""Effective rank of features."""

import math

import numpy as np


def effective_rank(features):
    """RankMe: exponential of the entropy of the singular values' shares.

    Between 1 (all features on one line through the origin: collapse) and the smaller
    side of the matrix. Features are taken as they are, not centred; 1e-7 is added to
    each share, as in the paper. It depends on the number of rows: report that.

    Args:
        features: Float array `(num_images, dimensions)`: pooled backbone features of
            unaugmented images.

    Returns:
        Float, at least 1; nan when a feature is not finite.

    Raises:
        ValueError: when `features` is not a matrix with rows.

    Reference:
        - [Garrido et al., 2023](https://arxiv.org/abs/2210.02885), equation 1
    """
    features = np.asarray(features, dtype="float64")
    if features.ndim != 2 or 0 in features.shape:
        raise ValueError(
            "`features` must have shape (num_images, dimensions) with at least one "
            f"image. Received: features.shape={features.shape}"
        )
    if not np.all(np.isfinite(features)):
        return math.nan  # The decomposition would not converge.
    singular_values = np.linalg.svd(features, compute_uv=False)
    return float(rank_of_singular_values(singular_values))


def rank_of_singular_values(singular_values):
    """Effective ranks `(...)` of matrices by their singular values `(..., number)`."""
    totals = singular_values.sum(axis=-1, keepdims=True)
    shares = singular_values / np.where(totals == 0.0, 1.0, totals) + 1e-7
    ranks = np.exp(-np.sum(shares * np.log(shares), axis=-1))
    # Where every feature is zero, nothing is told apart.
    return np.where(totals[..., 0] == 0.0, 1.0, ranks)
