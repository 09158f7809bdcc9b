import numpy as np
from keras import ops

from ssl_voc.layers import RandomSolarize
from tests import tiny


def test_bright_pixels_of_solarized_images_are_inverted():
    images = tiny.draw_photos(6, size=5).astype("float32")
    applied = RandomSolarize(0.5, 100.0, seed=2).draw_applied(images, 0.5)
    applied = ops.convert_to_numpy(applied).ravel()
    assert 0 < applied.sum() < 6
    result = ops.convert_to_numpy(RandomSolarize(0.5, 100.0, seed=2)(images))
    for i, index in enumerate(np.ndindex(*images.shape)):
        value = images[index]
        inverted = applied[index[0]] and value >= 100
        assert result[index] == (255 - value if inverted else value), i


def test_a_pixel_at_the_threshold_is_inverted():
    pixels = np.array([127.0, 128.0, 129.0], "float32").reshape(1, 1, 1, 3)
    result = ops.convert_to_numpy(RandomSolarize(1.0, threshold=128.0)(pixels))
    assert list(result.ravel()) == [127.0, 127.0, 126.0]
