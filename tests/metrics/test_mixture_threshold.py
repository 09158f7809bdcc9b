"""`mixture_threshold`: between two groups of scores, inside its bounds."""

import numpy as np
import pytest

from ssl_voc.metrics import mixture_threshold


def draw(*groups, seed=0):
    """Scores of several groups, each `(mean, deviation, number)`."""
    random = np.random.default_rng(seed)
    parts = [random.normal(mean, spread, number) for mean, spread, number in groups]
    return np.clip(np.concatenate(parts), 0.0, 1.0)


@pytest.mark.parametrize("few", [20, 200])
@pytest.mark.parametrize("high", [0.5, 0.9])
def test_it_lies_between_two_groups_that_do_not_overlap(few, high):
    scores = draw((0.15, 0.03, 300), (high, 0.05, few))
    threshold = mixture_threshold(scores, default=0.99)
    assert 0.25 < threshold < high
    assert (scores >= threshold).sum() == pytest.approx(few, abs=2)


def test_equal_spreads_and_sizes_part_in_the_middle():
    threshold = mixture_threshold(draw((0.3, 0.1, 5000), (0.7, 0.1, 5000)), 0.99)
    assert threshold == pytest.approx(0.5, abs=0.02)


def test_a_wide_upper_group_takes_no_scores_below_the_lower_one():
    # Far below both means the wider Gaussian is the larger one.
    scores = draw((0.5, 0.02, 2000), (0.7, 0.2, 200))
    assert mixture_threshold(scores, 0.99) > 0.5


@pytest.mark.parametrize("scores", [[], [0.1, 0.9] * 4, [0.4] * 50])
def test_too_few_scores_or_one_value_leave_the_default(scores):
    assert mixture_threshold(scores, default=0.6) == 0.6


def test_it_stays_inside_its_bounds():
    scores = draw((0.1, 0.02, 100), (0.9, 0.02, 100))
    assert mixture_threshold(scores, 0.5, low=0.95) == 0.95
    assert mixture_threshold(scores, 0.5, high=0.3) == 0.3
    assert mixture_threshold([], 0.1, low=0.2) == 0.1
