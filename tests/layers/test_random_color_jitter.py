import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import RandomColorJitter
from tests import reference, tiny

NO_CHANGE = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}


def draw_factors(layer, num_images):
    """The layer's draws as NumPy arrays."""
    factors = layer.draw_factors(num_images)
    return {name: ops.convert_to_numpy(value) for name, value in factors.items()}


@pytest.mark.parametrize("strength", [0.25, 1.0])
def test_jitter_is_that_of_the_loops(strength):
    images = tiny.draw_photos(6, size=7).astype("float32")
    arguments = {
        "brightness": 0.8 * strength,
        "contrast": 0.8 * strength,
        "saturation": 0.8 * strength,
        "hue": 0.2 * strength,
        "rate": 0.8,
        "seed": 3,
    }
    factors = draw_factors(RandomColorJitter(**arguments), 6)
    jittered = ops.convert_to_numpy(RandomColorJitter(**arguments)(images))
    for i, image in enumerate(images):
        expected = reference.color_jitter(
            image, **{name: float(values[i]) for name, values in factors.items()}
        )
        np.testing.assert_allclose(jittered[i], expected, atol=5e-3)


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_factors_are_uniform_around_one_and_only_of_their_kind(name):
    layer = RandomColorJitter(**{**NO_CHANGE, name: 0.4}, rate=1.0, seed=0)
    factors = draw_factors(layer, 4000)
    drawn = factors.pop(name)
    assert drawn.min() >= 0.6 - 1e-6 and drawn.max() <= 1.4 + 1e-6
    assert drawn.mean() == pytest.approx(1.0, abs=0.01)
    assert drawn.std() == pytest.approx(0.8 / 12**0.5, abs=0.01)
    assert (factors.pop("hue") == 0.0).all()
    assert all((values == 1.0).all() for values in factors.values())


def test_hue_is_a_turn_in_radians():
    layer = RandomColorJitter(**{**NO_CHANGE, "hue": 0.2}, rate=1.0, seed=0)
    turns = draw_factors(layer, 4000)["hue"]
    largest = 0.2 * 2 * np.pi
    assert np.abs(turns).max() <= largest
    assert np.abs(turns).max() > 0.99 * largest
    assert turns.mean() == pytest.approx(0.0, abs=0.05)


def test_factors_below_zero_are_not_drawn():
    factors = draw_factors(RandomColorJitter(1.5, 1.5, 1.5, rate=1.0, seed=0), 1000)
    assert min(factors[name].min() for name in ("brightness", "contrast")) >= 0.0


def test_share_of_changed_images_is_the_rate_and_the_rest_is_untouched():
    factors = draw_factors(RandomColorJitter(rate=0.3, seed=0), 4000)
    unchanged = factors["hue"] == 0.0
    for name in ("brightness", "contrast", "saturation"):
        # One coin an image, not one a kind of change.
        np.testing.assert_array_equal(factors[name] == 1.0, unchanged)
    assert unchanged.mean() == pytest.approx(0.7, abs=0.03)


def test_gray_stays_gray_under_saturation_and_hue():
    gray = np.repeat(tiny.draw_photos(4, size=8)[..., :1], 3, axis=-1)
    jittered = RandomColorJitter(0, 0, 1.0, 0.5, rate=1.0, seed=0)(gray)
    np.testing.assert_allclose(jittered, gray.astype("float32"), atol=1e-3)


def test_strong_jitter_is_clipped_to_the_range_of_pixels():
    images = tiny.draw_photos(16, size=8)
    jittered = RandomColorJitter(3.0, 3.0, 3.0, 0.5, rate=1.0, seed=0)(images)
    jittered = ops.convert_to_numpy(jittered)
    assert jittered.min() == 0.0 and jittered.max() == 255.0
