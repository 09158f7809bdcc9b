import numpy as np
import pytest

from ssl_voc.metrics import knn_hits
from tests import reference


def draw_features(num_images, seed, spread=1.0):
    """Features of 4 classes around centres that overlap, and their labels."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 4, num_images)
    centres = 1.5 * np.random.default_rng(99).normal(size=(4, 6))
    return centres[labels] + spread * random.normal(size=(num_images, 6)), labels


@pytest.mark.parametrize("num_neighbors", [1, 5, 20])
@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_accuracy_is_that_of_the_loops(num_neighbors, temperature):
    bank, queries = draw_features(40, 0, 2.0), draw_features(60, 1, 2.0)
    accuracy = knn_hits(*bank, *queries, num_neighbors, temperature).mean()
    expected = reference.knn_accuracy(*bank, *queries, num_neighbors, temperature)
    assert accuracy == pytest.approx(expected)
    assert 0.3 < accuracy < 0.95  # neither trivial nor hopeless


def test_queries_beyond_the_first_thousand_count_too():
    queries, labels = np.tile(np.eye(2), (1000, 1)), np.tile([0, 1], 1000)
    labels[1500:] = 1 - labels[1500:]
    hits = knn_hits(np.eye(2), [0, 1], queries, labels)
    np.testing.assert_array_equal(hits, np.arange(2000) < 1500)


def test_near_neighbors_outvote_many_far_ones():
    # One neighbour at cosine 1, four at cosine 0.6: exp(1 / 0.07) against
    # 4 exp(0.6 / 0.07), that is 1.6e6 against 2.1e4.
    bank = np.array([[1.0, 0.0]] + [[0.6, 0.8]] * 4)
    arguments = (bank, [0, 1, 1, 1, 1], np.array([[5.0, 0.0]]), [0])
    assert knn_hits(*arguments, temperature=0.07).tolist() == [True]
    assert knn_hits(*arguments, temperature=10.0).tolist() == [False]


def test_length_of_features_and_a_tiny_temperature_do_no_harm():
    bank, queries = draw_features(40, 0), draw_features(40, 1)
    hits = knn_hits(*bank, *queries)
    scaled = bank[0] * np.linspace(0.1, 50, 40)[:, None]
    np.testing.assert_array_equal(knn_hits(scaled, bank[1], *queries), hits)
    sharp = knn_hits(*bank, *queries, temperature=1e-4)  # would overflow
    np.testing.assert_array_equal(sharp, knn_hits(*bank, *queries, num_neighbors=1))


def test_a_class_missing_from_the_bank_is_never_right_and_an_empty_bank_refused():
    assert knn_hits(np.eye(2), [0, 1], np.eye(2), [0, 5]).tolist() == [True, False]
    with pytest.raises(ValueError, match="2 bank features with 1 labels"):
        knn_hits(np.eye(2), [0], np.eye(2), [0, 1])
    with pytest.raises(ValueError, match="0 in the bank, 2 queries"):
        knn_hits(np.zeros((0, 2)), [], np.eye(2), [0, 1])
