import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import RandomGaussianBlur
from tests import reference, tiny


def test_blur_is_that_of_the_loops():
    images = tiny.draw_photos(5, size=11)[:, :9].astype("float32")  # 9 rows
    arguments = {"sigma_range": (0.3, 2.0), "rate": 0.7, "seed": 4}
    sigmas = ops.convert_to_numpy(RandomGaussianBlur(**arguments).draw_sigmas(5))
    assert 0 < np.sum(sigmas == 0) < 5  # blurred ones and others
    blurred = RandomGaussianBlur(**arguments)(images)
    for image, sigma, result in zip(images, sigmas, blurred, strict=True):
        expected = reference.gaussian_blur(image, float(sigma))
        np.testing.assert_allclose(result, expected, atol=2e-2)


def test_a_point_spreads_with_the_variance_that_was_drawn():
    point = np.zeros((1, 41, 41, 1), "float32")
    point[0, 20, 20] = 1.0
    blurred = RandomGaussianBlur((2.0, 2.0), rate=1.0)(point)
    spread = ops.convert_to_numpy(blurred)[0, :, :, 0]
    offsets = np.arange(41) - 20
    assert spread.sum() == pytest.approx(1.0, rel=1e-5)
    for axis in (0, 1):
        # Cut off at three deviations, 0.97 of the variance is left.
        variance = (spread.sum(axis=axis) * offsets**2).sum()
        assert variance == pytest.approx(0.975 * 2.0**2, rel=0.02)


def test_share_of_blurred_images_is_the_rate_and_widths_are_uniform():
    layer = RandomGaussianBlur((0.5, 1.5), rate=0.3, seed=0)
    sigmas = ops.convert_to_numpy(layer.draw_sigmas(4000))
    drawn = sigmas[sigmas > 0]
    assert len(drawn) / 4000 == pytest.approx(0.3, abs=0.03)
    assert drawn.min() >= 0.5 and drawn.max() <= 1.5
    assert drawn.mean() == pytest.approx(1.0, abs=0.03)


def test_images_that_are_not_blurred_keep_every_bit():
    images = tiny.draw_photos(3, size=9).astype("float32")
    np.testing.assert_array_equal(RandomGaussianBlur(rate=0.0)(images), images)
