import numpy as np
from keras import ops

from ssl_voc.layers import RandomHorizontalFlip
from tests import tiny


def test_flipped_images_are_mirrored_left_to_right_and_the_others_kept():
    images = tiny.draw_photos(6, size=5)[:, :4].astype("float32")
    flips = RandomHorizontalFlip(0.5, seed=1).draw_flips(images)
    flips = ops.convert_to_numpy(flips).ravel()
    assert 0 < flips.sum() < 6
    result = ops.convert_to_numpy(RandomHorizontalFlip(0.5, seed=1)(images))
    for image, flipped, shown in zip(images, flips, result, strict=True):
        for y, x in np.ndindex(4, 5):
            source = image[y, 4 - x] if flipped else image[y, x]
            np.testing.assert_array_equal(shown[y, x], source)
