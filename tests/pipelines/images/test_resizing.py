import numpy as np
import pytest

from pipelines.images.resizing import Squashing


def test_squash_fills_a_square_from_any_shape(draw):
    for width, height in [(1, 1), (20000, 20), (7, 90)]:
        resized = Squashing(16).resize(draw(width=width, height=height))
        assert resized.shape == (16, 16, 3) and resized.dtype == np.uint8


def test_squash_is_bilinear_and_antialiased(draw):
    tf = pytest.importorskip("tensorflow")
    pixels = draw(3, width=97, height=61)
    expected = tf.image.resize(pixels, (24, 24), "bilinear", antialias=True).numpy()
    assert np.abs(Squashing(24).resize(pixels) - expected).max() <= 1.5


def test_photo_is_decoded_at_twice_the_image_size_or_more(draw, encode):
    class Stored:
        def load(self):
            return encode(draw(width=800, height=800), "JPEG")

    # 1/4 of 800 is the smallest scale with at least 2 * 96 pixels.
    assert Squashing(96).decode(Stored()).shape == (200, 200, 3)
