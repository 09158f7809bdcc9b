"""Verdict and labels saved: what the figures show, and no more."""

import math

import pytest

from ssl_voc.study.labels_saved import describe_saving, labels_needed
from ssl_voc.study.verdict import Difference, give_verdict

CURVE = [(10, 0.2), (100, 0.4), (1000, 0.5)]


def difference(low, high, num_labels=100, num_seeds=3, arm="ssl", baseline="random"):
    mean = (low + high) / 2
    return Difference(arm, baseline, num_labels, "iou", mean, low, high, num_seeds)


@pytest.mark.parametrize(
    ("intervals", "begins"),
    [
        ([(0.01, 0.1), (0.02, 0.1)], "Yes, ssl is better than random"),
        ([(-0.1, -0.01)], "No, ssl is worse than random"),
        ([(-0.01, 0.1)], "No difference shown between ssl and random"),
        ([(0.01, 0.1), (-0.02, 0.1)], "Partly, ssl is better than random"),
        ([(-0.1, -0.01), (-0.02, 0.1)], "No, ssl is worse than random at some"),
        ([(0.01, 0.1), (-0.2, -0.1)], "It depends on the labels"),
    ],
)
def test_answer_follows_the_signs_of_the_intervals(intervals, begins):
    found = [difference(*pair, 100 * n) for n, pair in enumerate(intervals, 1)]
    first = give_verdict(found, "mean IoU")[0]
    assert first.startswith(begins)
    for item in found:
        assert f"with {item.num_labels} labels, {item.text()}" in first


def test_end_at_zero_shows_no_difference():
    assert difference(1e-17, 0.2).sign == 0  # what equal numbers leave
    assert "no difference shown" in give_verdict([difference(0.0, 0.2)], "x")[0]


def test_one_seed_and_many_comparisons_are_told():
    lines = give_verdict([difference(0.1, 0.2, num_seeds=1)], "mean IoU")
    assert any("One seed" in line for line in lines)
    for num_seeds in (2, 3, 4, 10):
        found = [difference(0.1, 0.2, n, num_seeds) for n in range(1, 11)]
        lines = give_verdict(found, "mean IoU")
        wide = [x for x in lines if f"{num_seeds} seeds" in x and "are wide" in x]
        assert len(wide) == (num_seeds < 4)
        assert any("10 of 10" in line and "0.5 would" in line for line in lines)


def test_numbers_of_labels_with_fewer_seeds_are_named():
    found = [difference(0.1, 0.2, 10, num_seeds=1), difference(0.1, 0.2, num_seeds=5)]
    lines = give_verdict(found, "mean IoU")
    assert any(line.startswith("One seed each at 10 labels: ") for line in lines)
    assert any("2 of 2 differences" in line for line in lines)


def test_each_arm_gets_a_line_and_no_runs_no_verdict():
    found = [difference(0.1, 0.2), difference(-0.1, 0.2, arm="imagenet")]
    first, second = give_verdict(found, "mean IoU")[:2]
    assert first.startswith("Yes, ssl") and "imagenet" in second
    assert give_verdict([], "mean IoU")[0].startswith("No verdict")


def test_arm_gets_a_line_for_each_that_it_is_compared_with():
    found = [difference(-0.1, 0.2, baseline="imagenet"), difference(0.1, 0.2)]
    first, second = give_verdict(found, "mean IoU")[:2]
    assert first.startswith("No difference shown between ssl and imagenet")
    assert second.startswith("Yes, ssl is better than random")


def test_labels_needed_lie_on_the_line_over_the_logarithm():
    assert labels_needed(CURVE, 0.3) == pytest.approx(math.sqrt(10 * 100))
    assert labels_needed(CURVE, 0.4) == pytest.approx(100)
    assert labels_needed(CURVE, 0.1) == 10
    assert math.isinf(labels_needed(CURVE, 0.6))
    # A dip on the way: the first number that is enough.
    assert labels_needed([(10, 0.2), (20, 0.1), (40, 0.3)], 0.2) == 10
    assert math.isinf(labels_needed([], 0.2))


def test_savings_are_told_within_what_was_measured():
    def text(value):
        return describe_saving("ssl", "random", 100, CURVE, value, (value, value), True)

    assert text(0.3) == "ssl with 100 labels is as good as random with 32"
    assert text(0.7).endswith("with more than 1000")
    assert text(0.1).endswith("with fewer than 10")
    limits = describe_saving("ssl", "random", 100, CURVE, 0.3, (0.1, 0.7), True)
    assert limits.endswith("random with 32 (fewer than 10 to more than 1000)")
    unsure = describe_saving("ssl", "random", 100, CURVE, 0.41, (0.3, 0.5), False)
    assert unsure.endswith("no difference is shown there")
