import numpy as np
import pytest

from pipelines.images.resizing import decode_for, squash


def test_squash_fills_a_square_from_any_shape(draw):
    for width, height in [(1, 1), (20000, 20), (7, 90)]:
        resized = squash(draw(width=width, height=height), 16)
        assert resized.shape == (16, 16, 3) and resized.dtype == np.uint8


def test_squash_of_one_colour_is_that_colour():
    pixels = np.full((1, 1, 3), (9, 99, 199), "uint8")
    assert (squash(pixels, 8) == (9, 99, 199)).all()


def test_squash_is_antialiased():
    # Columns alternate 0 and 255: sampling without a filter gives 0 or 255 only,
    # a filter wider than two columns gives their mean, 127.5.
    stripes = np.zeros((64, 64, 3), "uint8")
    stripes[:, ::2] = 255
    assert np.abs(squash(stripes, 8)[1:-1, 1:-1].astype(int) - 127.5).max() < 8


def test_squash_maps_the_left_half_to_the_left_half():
    pixels = np.zeros((30, 80, 3), "uint8")
    pixels[:, :40] = (200, 100, 50)
    resized = squash(pixels, 16)
    assert (resized[:, :7] == (200, 100, 50)).all() and (resized[:, 9:] == 0).all()


def test_squash_agrees_with_tensorflow_antialiasing(draw):
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
