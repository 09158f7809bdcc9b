import numpy as np
import pytest

from pipelines.images.resizing import decode_for, squash


def test_squash_fills_a_square_from_any_shape(draw):
    for width, height in [(1, 1), (20000, 20), (7, 90)]:
        resized = squash(draw(width=width, height=height), 16)
        assert resized.shape == (16, 16, 3) and resized.dtype == np.uint8


def test_squash_is_bilinear_and_antialiased(draw):
    tf = pytest.importorskip("tensorflow")
    pixels = draw(3, width=97, height=61)
    expected = tf.image.resize(pixels, (24, 24), "bilinear", antialias=True).numpy()
    assert np.abs(squash(pixels, 24) - expected).max() <= 1.5


def test_decode_for_keeps_twice_the_image_size(draw, encode):
    class Stored:
        def load(self):
            return encode(draw(width=800, height=800), "JPEG")

    # 1/4 of 800 is the smallest scale with at least 2 * 96 pixels.
    assert decode_for(Stored(), 96).shape == (200, 200, 3)
