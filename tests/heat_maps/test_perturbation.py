"""Deletion and insertion: the right pixels go."""

import numpy as np

from ssl_voc.heat_maps import perturbed, removal_order
from tests import tiny


def test_the_highest_goes_first_and_equal_ones_at_random():
    heat = np.array([[3.0, 1.0], [0.0, 2.0]])
    np.testing.assert_array_equal(removal_order(heat), [[0, 2], [3, 1]])
    even = [removal_order(np.zeros((6, 6)), seed) for seed in (0, 1)]
    assert (even[0] != even[1]).any()
    assert sorted(even[0].ravel()) == list(range(36))
    # No direction is preferred.
    assert abs(np.corrcoef(even[0].ravel(), np.arange(36))[0, 1]) < 0.5


def test_pixels_are_deleted_and_come_back_in_order():
    photo = tiny.draw_photos(1, size=10)[0]
    heat = np.zeros((10, 10))
    heat[:5] = 1.0
    deleted, inserted = perturbed(photo, removal_order(heat), 4)
    assert deleted.shape == inserted.shape == (5, 10, 10, 3)
    np.testing.assert_array_equal(deleted[0], photo)
    np.testing.assert_array_equal(inserted[-1], photo)
    mean = np.round(photo.mean(axis=(0, 1)))
    np.testing.assert_array_equal(deleted[-1], np.broadcast_to(mean, photo.shape))
    # After two of four steps it is the upper half that is gone, or back.
    np.testing.assert_array_equal(deleted[2, 5:], photo[5:])
    np.testing.assert_array_equal(deleted[2, :5], np.broadcast_to(mean, (5, 10, 3)))
    np.testing.assert_array_equal(inserted[2, :5], photo[:5])
    assert (inserted[2, 5:] != photo[5:]).any()
