import numpy as np
import pytest
from PIL import Image

from ssl_voc.layers import crop_and_resize
from tests import reference, tiny

WHOLE = np.array([[0.0, 0.0, 1.0, 1.0]], "float32")


@pytest.mark.parametrize("size", [(5, 4), (9, 11), (1, 1)])
@pytest.mark.parametrize(
    "box",
    [
        (0.0, 0.0, 1.0, 1.0),
        (0.25, 0.125, 0.75, 0.875),
        (0.61, 0.07, 0.98, 0.31),  # fractions of pixels
        (0.9, 0.9, 1.0, 1.0),  # less than a pixel wide, in the corner
    ],
)
def test_crop_is_that_of_the_loops(box, size):
    image = tiny.draw_photos(1, size=10)[0, :8].astype("float32")  # 8 rows, 10 columns
    crop = crop_and_resize(image[None], np.array([box], "float32"), size)
    expected = reference.crop_and_resize(image, box, size)
    np.testing.assert_allclose(crop[0], expected, atol=2e-2)


def test_whole_box_at_the_same_size_is_the_image():
    images = tiny.draw_photos(1, size=24).astype("float32")
    np.testing.assert_allclose(
        crop_and_resize(images, WHOLE, (24, 24)), images, atol=1e-3
    )


@pytest.mark.parametrize("size", [(17, 24), (60, 50), (40, 7)])
def test_whole_box_is_resized_as_by_pillow(size):
    images = tiny.draw_photos(1, size=40)
    resized = Image.fromarray(images[0]).resize(size[::-1], Image.BILINEAR)
    crop = crop_and_resize(images.astype("float32"), WHOLE, size)
    # Pillow rounds to integers, once a direction.
    np.testing.assert_allclose(crop[0], np.asarray(resized), atol=1.01)


def test_whole_box_is_resized_as_by_tensorflow():
    tf = pytest.importorskip("tensorflow")
    images = tiny.draw_photos(2, size=40).astype("float32")
    resized = tf.image.resize(images, (13, 27), antialias=True).numpy()
    crop = crop_and_resize(images, np.repeat(WHOLE, 2, axis=0), (13, 27))
    np.testing.assert_allclose(crop, resized, atol=2e-2)
