import pytest

from ssl_voc.metrics import wilson_interval


def test_interval_of_ten_in_a_hundred_is_the_published_one():
    # Center (0.1 + 3.8416 / 200) / 1.038416 = 0.114799, half-width
    # 1.96 sqrt(0.09 / 100 + 3.8416 / 40000) / 1.038416 = 0.059571
    assert wilson_interval(0.1, 100) == pytest.approx([0.05523, 0.17437], abs=1e-5)


@pytest.mark.parametrize(("share", "end"), [(0.0, 0), (1.0, 1)])
def test_extreme_shares_stay_inside_and_keep_a_width(share, end):
    interval = wilson_interval(share, 10)
    assert interval[end] == pytest.approx(share, abs=1e-12)
    assert 0.0 <= interval[0] < interval[1] <= 1.0
    # z^2 / (n + z^2) = 3.8416 / 13.8416
    assert interval[1] - interval[0] == pytest.approx(0.27754, abs=1e-5)


def test_no_trial_has_no_interval():
    with pytest.raises(ValueError, match="`count` must be at least 1"):
        wilson_interval(0.5, 0)
