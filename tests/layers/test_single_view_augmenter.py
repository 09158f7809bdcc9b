"""`SingleViewAugmenter`: views as of `SimCLRAugmenter`, whole images at inference."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import SimCLRAugmenter, SingleViewAugmenter
from tests import tiny

SETTINGS = {
    "image_size": 20,
    "area_range": (0.3, 0.9),
    "color_strength": 0.7,
    "blur_rate": 0.5,
    "solarize_rate": 0.3,
    "seed": 3,
}


@pytest.fixture
def photos():
    return tiny.draw_photos(6, size=24)


def test_views_are_those_that_simclr_draws(photos):
    pair = SimCLRAugmenter(**SETTINGS)(photos)["views"]
    doubled = np.concatenate([photos, photos])
    views = SingleViewAugmenter(**SETTINGS)(doubled, training=True)
    np.testing.assert_array_equal(views, np.concatenate(pair))


def test_every_image_draws_its_own_view_and_every_call_another(photos):
    augmenter = SingleViewAugmenter(**SETTINGS)
    alike = np.repeat(photos[:1], 6, axis=0)
    first, second = (
        ops.convert_to_numpy(augmenter(alike, training=True)) for _ in range(2)
    )
    for other in (*first[1:], *second):
        assert np.abs(other - first[0]).max() > 1.0


def test_at_inference_the_whole_image_is_resized_and_nothing_else(photos):
    augmenter = SingleViewAugmenter(**SETTINGS)
    resized = ops.convert_to_numpy(augmenter(photos))
    assert resized.dtype == "float32" and resized.shape == (6, 20, 20, 3)
    expected = ops.image.resize(
        photos.astype("float32"), (20, 20), interpolation="bilinear", antialias=True
    )
    np.testing.assert_allclose(resized, expected, atol=0.6)
    fitting = photos[:, :20, :20]
    np.testing.assert_array_equal(augmenter(fitting, training=False), fitting)


def test_symbolic_calls_know_the_shape_of_the_view():
    augmenter = SingleViewAugmenter(**SETTINGS)
    images = keras.Input((24, 24, 3), dtype="uint8")
    assert tuple(augmenter(images).shape) == (None, 20, 20, 3)


def test_config_gives_the_same_views(photos):
    augmenter = SingleViewAugmenter(**SETTINGS)
    again = SingleViewAugmenter.from_config(augmenter.get_config())
    np.testing.assert_array_equal(
        again(photos, training=True), augmenter(photos, training=True)
    )
