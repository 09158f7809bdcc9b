"""The two tests of an alarm: what they find, and how often they err."""

import itertools

import numpy as np
import pytest

from ssl_voc.explain.shortcuts.statistics import (
    association_p_value,
    is_alarm,
    is_worth_testing,
    reliance_p_value,
)


def test_association_is_the_share_of_choices_that_reach_the_sum_of_ranks():
    values = np.array([0.1, 5.0, 0.4, 3.0, 0.4, 9.0, np.nan])
    is_class = np.array([0, 1, 0, 0, 0, 1, 1], bool)
    ranks = [1, 5, 2.5, 4, 2.5, 6]
    sums = [sum(choice) for choice in itertools.combinations(ranks, 2)]
    expected = np.mean([total >= 5 + 6 for total in sums])
    assert association_p_value(values, is_class) == pytest.approx(expected)
    # With more choices than draws, a share of these.
    drawn = association_p_value(np.tile(values, 4), np.tile(is_class, 4), 500)
    assert drawn == pytest.approx(1 / 501)
    assert association_p_value(values, ~is_class, 2000) > 0.9
    # Where all is equal, every choice reaches it.
    assert association_p_value(np.ones(7), is_class, 500) == 1.0
    assert association_p_value(values, np.zeros(7, bool)) == 1.0


def test_reliance_is_the_tail_over_all_exchanges():
    is_wrong = np.array(
        [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0]], bool
    )
    observed = is_wrong[:, 0].sum()
    sums = [
        sum(row[place] for row, place in zip(is_wrong, places, strict=True))
        for places in itertools.product(range(4), repeat=5)
    ]
    expected = np.mean([total >= observed for total in sums])
    assert reliance_p_value(is_wrong) == pytest.approx(expected)
    assert reliance_p_value(np.zeros((0, 5), bool)) == 1.0
    assert reliance_p_value(np.zeros((9, 5), bool)) == 1.0
    only_there = np.zeros((9, 5), bool)
    only_there[:, 0] = True
    assert reliance_p_value(only_there) == pytest.approx(5.0**-9)


def test_an_alarm_takes_both_tests_and_counts_the_candidates():
    assert is_alarm(0.04, 0.04, 1) and not is_alarm(0.06, 0.0, 1)
    assert not is_alarm(0.0, 0.06, 1) and not is_alarm(0.04, 0.04, 2)
    assert is_alarm(0.0009, 0.001, 50) and not is_alarm(0.0009, 0.0011, 50)


def test_a_candidate_is_screened_by_both_tests():
    one_photo = reliance_p_value([[True, False, False, False, False]])
    assert is_worth_testing(0.1, one_photo)
    assert not is_worth_testing(0.11, one_photo)
    two_of_five = reliance_p_value([[True, True, False, False, False]])
    assert not is_worth_testing(0.0, two_of_five)
