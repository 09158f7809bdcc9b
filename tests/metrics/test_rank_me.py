import numpy as np
import pytest

from ssl_voc.metrics import effective_rank


@pytest.mark.parametrize(
    ("features", "rank"),
    [
        (np.zeros((4, 4)), 1.0),  # collapsed
        # n shares of 1 / n have the entropy log(n).
        *((3.0 * np.eye(8, 6) * (np.arange(6) < n), n) for n in (1, 2, 5)),
        # Shares 3/4 and 1/4: exp(0.75 log(4/3) + 0.25 log 4) = 1.7547654
        (np.diag([3.0, 1.0]), 1.7547654),
        # All images alike: one direction, which centring would take away.
        (np.full((20, 10), 7.0), 1.0),
    ],
)
def test_rank_is_the_exponential_of_the_entropy_of_the_shares(features, rank):
    assert effective_rank(features) == pytest.approx(rank, rel=2e-5)


def test_paper_s_epsilon_is_added_to_each_share():
    # 299 shares of 1e-7 add 299 * 1e-7 * log(1e7) = 4.819e-4 to an entropy of 0.
    features = np.zeros((300, 300))
    features[0, 0] = 1.0
    assert np.log(effective_rank(features)) == pytest.approx(4.819e-4, rel=1e-2)


def test_scale_and_order_do_not_matter():
    features = np.random.default_rng(0).normal(size=(30, 10))
    rank = effective_rank(features)
    assert effective_rank(1e-3 * features[::-1]) == pytest.approx(rank)
    assert 7 < rank <= 10


def test_features_that_are_not_finite_or_no_matrix_have_no_rank():
    for value in (np.nan, np.inf):
        features = np.ones((4, 4))
        features[1, 2] = value
        assert np.isnan(effective_rank(features))
    for shape in ((5,), (0, 5), (2, 3, 4)):
        with pytest.raises(ValueError, match=r"have shape \(num_images, dimensions\)"):
            effective_rank(np.ones(shape))
