import numpy as np
import pytest

from pipelines.pools.epoch_order import EpochOrder


def epoch(order, number):
    steps = range(order.steps_per_epoch)
    first = number * order.steps_per_epoch
    return np.concatenate([order.indices(first + step) for step in steps])


def test_an_epoch_is_the_seeded_permutation_without_its_remainder():
    order = EpochOrder(11, 3, seed=5)
    assert order.steps_per_epoch == 3
    for number in (0, 1, 7, 0):
        expected = np.random.default_rng([5, number]).permutation(11)[:9]
        np.testing.assert_array_equal(epoch(order, number), expected)


def test_few_photos_are_repeated_evenly_until_they_fill_a_batch():
    order = EpochOrder(3, 8, seed=0)
    assert order.steps_per_epoch == 1
    for number in range(4):
        counts = np.bincount(order.indices(number), minlength=3)
        assert counts.sum() == 8 and counts.min() == 2 and counts.max() == 3
    assert order.indices(0).tolist() != order.indices(1).tolist()


def test_batch_size_below_one_is_refused():
    with pytest.raises(ValueError, match="batch_size.*0"):
        EpochOrder(3, 0, seed=0)
