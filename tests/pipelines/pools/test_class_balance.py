import math

import numpy as np
import pytest

from pipelines.pools.class_balance import repeat_factors, repeat_factors_of_classes
from pipelines.pools.epoch_order import EpochOrder

NUM_CLASSES = 5  # of which the last is never shown


def draw_targets(num_photos=40, seed=0):
    """Photos of up to three objects, the class 0 frequent and 3 rare."""
    random = np.random.default_rng(seed)
    classes = np.full((num_photos, 3), -1.0, "float32")
    for row in range(num_photos):
        drawn = random.choice(4, random.integers(0, 4), p=[0.7, 0.2, 0.07, 0.03])
        classes[row, : len(drawn)] = drawn
    classes[:2, 0] = 3.0, 2.0
    return {"classes": classes, "difficult": random.random(classes.shape) < 0.2}


def naive_factors(targets, threshold):
    """The formulas of Gupta et al., 2019, photo by photo and object by object."""
    photos = []
    for row, difficult in zip(targets["classes"], targets["difficult"], strict=True):
        pairs = zip(row, difficult, strict=True)
        photos.append({int(c) for c, hard in pairs if c >= 0 and not hard})
    of_classes = []
    for label in range(NUM_CLASSES):
        share = sum(label in photo for photo in photos) / len(photos)
        of_classes.append(max(1.0, math.sqrt(threshold / share)) if share else 1.0)
    return of_classes, [max([1.0, *(of_classes[c] for c in p)]) for p in photos]


@pytest.mark.parametrize("threshold", [0.001, 0.3, 1.0])
def test_factors_are_those_of_the_formula(threshold):
    targets = draw_targets()
    of_classes, of_photos = naive_factors(targets, threshold)
    np.testing.assert_allclose(
        repeat_factors_of_classes(targets, NUM_CLASSES, threshold), of_classes
    )
    np.testing.assert_allclose(
        repeat_factors(targets, NUM_CLASSES, threshold), of_photos
    )
    assert (max(of_photos) > 1.5) == (threshold > 0.1)


@pytest.mark.parametrize("threshold", [0.0, 1.5])
def test_no_share_of_the_photos_is_refused(threshold):
    with pytest.raises(ValueError, match=f"threshold={threshold}"):
        repeat_factors(draw_targets(), NUM_CLASSES, threshold)


def test_photos_come_as_often_as_their_factors_say_and_steps_stay():
    factors = np.array([1.0, 1.0, 1.5, 1.0, 3.25, 1.0, 1.0, 1.0])
    order = EpochOrder(8, 2, seed=0, repeat_factors=factors)
    assert order.steps_per_epoch == EpochOrder(8, 2, seed=0).steps_per_epoch == 4
    drawn = np.concatenate([order.indices(step) for step in range(4 * 3000)])
    counts = np.bincount(drawn, minlength=8)
    np.testing.assert_allclose(counts / counts[0], factors, rtol=0.08)


def test_an_epoch_follows_from_seed_and_number_alone():
    factors = np.linspace(1.0, 2.0, 9)
    one, other = (EpochOrder(9, 2, 5, factors) for _ in range(2))
    for step in (13, 2, 13, 40):  # other epochs in between change nothing
        np.testing.assert_array_equal(one.indices(step), other.indices(step))
    # Drawn anew for each epoch, never a photo more than once beyond its factor.
    epochs = [one._epoch(number) for number in range(50)]
    lengths = {len(epoch) for epoch in epochs}
    assert len(lengths) > 1 and min(lengths) >= 9
    most = np.ceil(factors)
    assert all((np.bincount(e, minlength=9) <= most).all() for e in epochs)


def test_factors_of_one_change_nothing_of_a_full_pass():
    plain, even = EpochOrder(9, 3, 5), EpochOrder(9, 3, 5, np.ones(9))
    for epoch in range(3):
        seen = np.concatenate([even.indices(3 * epoch + step) for step in range(3)])
        assert sorted(seen) == [*range(9)]
    assert plain.steps_per_epoch == even.steps_per_epoch


def test_few_photos_fill_a_batch_by_their_factors():
    order = EpochOrder(3, 8, 0, np.array([1.0, 1.0, 2.0]))
    assert order.steps_per_epoch == 1
    assert len(order.indices(0)) == len(order.indices(5)) == 8
