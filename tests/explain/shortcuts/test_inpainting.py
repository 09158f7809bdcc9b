import numpy as np

from ssl_voc.explain.shortcuts.inpainting import inpaint
from tests import tiny


def test_inpainting_keeps_what_is_known_and_hides_the_rest():
    photos = tiny.draw_photos(2, size=37)[:, :29]
    known = np.ones((2, 29, 37), bool)
    known[0, 5:14, 20:31] = known[1, :8, :9] = False
    filled = inpaint(photos, known)
    np.testing.assert_array_equal(filled[known], photos[known])
    changed = photos.copy()
    changed[~known] = 255 - changed[~known]
    # Nothing of what was there is left.
    np.testing.assert_array_equal(inpaint(changed, known), filled)


def test_inpainting_goes_on_with_what_surrounds():
    photos = np.full((1, 24, 24, 3), 90, "uint8")
    photos[:, :, 12:] = (10, 200, 60)
    known = np.ones((1, 24, 24), bool)
    known[:, 6:12, 2:8] = known[:, 6:12, 16:22] = False
    photos_without = np.where(known[..., None], photos, 255)
    np.testing.assert_allclose(
        inpaint(photos_without, known).astype(int), photos.astype(int), atol=12
    )
    slope = np.tile(np.arange(0, 240, 10, "uint8")[None, None, :, None], (1, 24, 1, 3))
    known[:] = True
    known[:, 9:15, 9:15] = False
    found = inpaint(slope, known).astype(int)
    assert np.abs(found - slope).max() < 35
    assert inpaint(slope, np.zeros_like(known)).max() == 0
