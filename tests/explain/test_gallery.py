"""Heat maps over photos, as the gallery shows them."""

import numpy as np
import pytest

from ssl_voc.explain.gallery import _overlay

# What the eye takes for the brightness of red, green and blue (ITU-R BT.601).
LUMA = np.array([0.299, 0.587, 0.114])


@pytest.mark.parametrize("color", [(255, 255, 255), (235, 200, 190), (10, 40, 10)])
def test_a_map_stands_out_on_photos_of_any_brightness(color):
    photo = np.full((40, 60, 3), color, "uint8")
    heat = np.zeros((4, 6))
    heat[1:3, 1:3] = 7.0
    shown = _overlay(photo, heat)
    assert shown.shape == photo.shape and shown.dtype == "uint8"
    peak, rest = shown[20, 20], shown[-1, -1]
    assert peak @ LUMA - rest @ LUMA > 80
    # A map that is 0 has no color.
    assert np.ptp(rest) == 0 < np.ptp(peak)


def test_a_photo_is_seen_where_its_map_is_low():
    photo = np.random.default_rng(0).integers(0, 256, (40, 60, 3), "uint8")
    shown = _overlay(photo, np.zeros((4, 6)))[..., 0].astype(float)
    assert np.corrcoef(shown.ravel(), (photo @ LUMA).ravel())[0, 1] > 0.99
