"""Nonparametric tests of shortcut candidates: association and reliance."""

import numpy as np
from scipy.stats import permutation_test, poisson_binom, rankdata

FALSE_ALARM_RATE = 0.05
# Largest p-values on the photos that chose a candidate. One correct prediction
# that relies on the region, and on none of four controls, has a p-value of 0.2.
SCREENED_ASSOCIATION, SCREENED_RELIANCE = 0.1, 0.2


def is_worth_testing(association_p, reliance_p):
    """Whether a candidate holds so far, on the photos that it was chosen by."""
    # The tail is a sum of floats: 0.2 may come as 0.2 and a little.
    reliance_p = round(reliance_p, 9)
    return association_p <= SCREENED_ASSOCIATION and reliance_p <= SCREENED_RELIANCE


def largest_p_value(num_candidates):
    """What both p-values of an alarm must not exceed, by Bonferroni.

    Where no candidate is a shortcut, a search raises any alarm with a probability of at
    most `FALSE_ALARM_RATE`. Only candidates that were screened count, as long as the
    photos that screened them do not test them.

    Reference:
        - [Wasserman and Roeder, 2009](https://arxiv.org/abs/0704.1139), "screen and
          clean"
    """
    return FALSE_ALARM_RATE / max(1, num_candidates)


def is_alarm(association_p, reliance_p, num_candidates):
    """Whether a candidate is typical of its class and predictions rely on it."""
    return max(association_p, reliance_p) <= largest_p_value(num_candidates)


def association_p_value(values, is_class, num_draws=10_000, seed=0):
    """Whether photos of a class have higher values than others, by permutation.

    Under the hypothesis that class and value are independent, every choice of as many
    photos is as likely to have the observed sum of ranks. One-sided; exact where all
    choices are no more than `num_draws`.

    Args:
        values: Float array `(num_photos,)`; nan where a photo does not have one.
        is_class: Bool array `(num_photos,)`.
        num_draws: Number of permutations; no p-value is below `1 / (num_draws + 1)`.
        seed: Seed of the permutations.

    Returns:
        The p-value; 1 where the class or the others have fewer than two values.
    """
    kept = ~np.isnan(values)
    ranks, is_class = rankdata(values[kept]), np.asarray(is_class)[kept]
    if min(is_class.sum(), (~is_class).sum()) < 2:
        return 1.0
    test = permutation_test(
        (ranks[is_class], ranks[~is_class]),
        lambda ours, _, axis: ours.sum(axis=axis),
        n_resamples=num_draws,
        batch=max(1, 2_000_000 // len(ranks)),
        alternative="greater",
        rng=seed,
    )
    return float(test.pvalue)


def reliance_p_value(is_wrong):
    """Whether one region costs more correct predictions than others in the same photos.

    Under the hypothesis that the region is like any of its controls, each photo's
    predictions are exchangeable: that of the region is wrong with the share of wrong
    ones among all. The sum over photos is then Poisson binomial, whose tail is exact.
    One-sided.

    Args:
        is_wrong: Bool array `(num_photos, 1 + num_controls)`: whether the prediction is
            wrong without the region (first column), without each control.

    Returns:
        The p-value; 1 without photos.
    """
    is_wrong = np.asarray(is_wrong, bool)
    if not is_wrong.size:
        return 1.0
    # Its own `sf` is 1 minus the rest, which leaves nothing of small tails.
    tail = np.arange(is_wrong[:, 0].sum(), len(is_wrong) + 1)
    return float(min(1.0, poisson_binom.pmf(tail, is_wrong.mean(axis=1)).sum()))
