import keras
import numpy as np
import pytest

from ssl_voc.losses import DistributionFocalLoss


def test_it_is_the_entropy_with_both_neighbors_side_by_side():
    random = np.random.default_rng(0)
    distances = random.uniform(0, 7, (2, 3, 4))
    logits = random.normal(size=(2, 3, 4, 8))
    found = np.asarray(DistributionFocalLoss(reduction=None)(distances, logits))
    for index in np.ndindex(2, 3):
        losses = []
        for side in range(4):
            values = logits[*index, side]
            shares = np.log(np.exp(values) / np.exp(values).sum())
            below = int(distances[*index, side])
            rest = distances[*index, side] - below
            losses.append(-(1 - rest) * shares[below] - rest * shares[below + 1])
        assert found[index] == pytest.approx(np.mean(losses), rel=1e-4)


def test_distances_beyond_the_last_bin_are_learned_as_the_last():
    logits = np.zeros((2, 4, 5), "float32")
    logits[..., -1] = 20.0
    loss = DistributionFocalLoss(reduction=None)
    found = loss(np.array([[4.0] * 4, [99.0] * 4]), logits)
    np.testing.assert_allclose(found, 0.0, atol=1e-5)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    np.testing.assert_array_equal(
        again(np.ones((2, 4)), logits), loss(np.ones((2, 4)), logits)
    )
