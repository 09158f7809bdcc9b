"""Threshold between two kinds of scores, found by a mixture of two Gaussians."""

import numpy as np

# Scores that a mixture can be fitted to, at least.
_LEAST_SCORES = 10
_ROUNDS = 100
# Variance that a component has at least: many equal scores would leave none.
_LEAST_VARIANCE = 1e-4


def mixture_threshold(scores, default, low=0.0, high=1.0):
    """Score from which a detection rather belongs to the higher of two groups.

    A detector's scores of a class are of what it has found, and of what it has not. As
    it learns both move; a fixed threshold lets few through at first, or false ones at
    the end. Two Gaussians are fitted by expectation maximization, from the lowest and
    the highest score on, and the threshold is the lowest score which the upper one
    explains better.

    Args:
        scores: Float array `(num_scores,)`.
        default: What is returned where there are fewer than 10 scores, or one group.
        low: Least threshold.
        high: Largest threshold.

    Returns:
        Float in `[low, high]`, or `default`.

    Reference:
        - [Wang et al., 2022](https://arxiv.org/abs/2209.01589), section 3.4, where the
          threshold is the score at which the upper group is densest: higher than this
    """
    scores = np.sort(np.asarray(scores, "float64"))
    if len(scores) < _LEAST_SCORES:
        return float(default)
    means = scores[[0, -1]]
    variances = np.full(2, max(scores.var(), _LEAST_VARIANCE))
    shares = np.full(2, 0.5)
    for _ in range(_ROUNDS):
        owners = _responsibilities(scores, means, variances, shares)
        sums = np.maximum(owners.sum(axis=1), 1e-9)
        shares = sums / len(scores)
        means = owners @ scores / sums
        squares = np.square(scores - means[:, None])
        variances = np.maximum((owners * squares).sum(axis=1) / sums, _LEAST_VARIANCE)
    lower, upper = _responsibilities(scores, means, variances, shares)
    # A wide component would win again far below the other's mean.
    above = scores[(upper > lower) & (scores > means[0])]
    if not len(above) or means[1] <= means[0]:
        return float(default)
    return float(np.clip(above[0], low, high))


def _responsibilities(scores, means, variances, shares):
    """Probability `(2, num_scores)` that a score is of each component."""
    squares = np.square(scores - means[:, None]) / variances[:, None]
    logs = np.log(np.maximum(shares, 1e-12)) - 0.5 * np.log(variances)
    logs = logs[:, None] - 0.5 * squares
    weights = np.exp(logs - logs.max(axis=0))
    return weights / weights.sum(axis=0)
