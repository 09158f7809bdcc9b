import numpy as np
from keras import ops

from ssl_voc.layers import RandomGrayscale
from tests import reference, tiny


def test_gray_images_show_their_luma_and_the_others_keep_their_colors():
    images = tiny.draw_photos(6, size=5).astype("float32")
    applied = RandomGrayscale(0.5, seed=2).draw_applied(images, 0.5)
    applied = ops.convert_to_numpy(applied).ravel()
    assert 0 < applied.sum() < 6
    result = ops.convert_to_numpy(RandomGrayscale(0.5, seed=2)(images))
    for image, gray, shown in zip(images, applied, result, strict=True):
        for y, x in np.ndindex(5, 5):
            expected = [reference.luma(image[y, x])] * 3 if gray else image[y, x]
            np.testing.assert_allclose(shown[y, x], expected, atol=1e-3)
