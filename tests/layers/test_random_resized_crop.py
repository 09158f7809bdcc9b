import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import RandomResizedCrop
from tests import reference, tiny

WHOLE = np.array([[0.0, 0.0, 1.0, 1.0]], "float32")


def test_layer_cuts_at_the_boxes_that_it_draws():
    images = tiny.draw_photos(4, size=16).astype("float32")
    arguments = {"size": 8, "area_range": (0.1, 0.6), "seed": 5}
    boxes = ops.convert_to_numpy(RandomResizedCrop(**arguments).draw_boxes(4, 16, 16))
    crops = RandomResizedCrop(**arguments)(images)
    for image, box, crop in zip(images, boxes, crops, strict=True):
        expected = reference.crop_and_resize(image, box, (8, 8))
        np.testing.assert_allclose(crop, expected, atol=2e-2)


@pytest.mark.parametrize(("height", "width"), [(100, 100), (60, 90)])
def test_drawn_boxes_keep_to_area_aspect_and_image(height, width):
    layer = RandomResizedCrop(8, area_range=(0.2, 0.5), aspect_range=(0.5, 2), seed=0)
    boxes = ops.convert_to_numpy(layer.draw_boxes(4000, height, width))
    left, top, right, bottom = np.float64(boxes).T
    assert boxes.min() >= 0.0 and boxes.max() <= 1.0 + 1e-6
    area = (right - left) * (bottom - top)
    aspect = (right - left) * width / ((bottom - top) * height)
    uncut = (right - left < 0.999) & (bottom - top < 0.999)
    assert uncut.mean() > 0.8
    assert area.max() < 0.5 + 1e-5
    assert area[uncut].min() > 0.2 - 1e-5
    assert aspect[uncut].min() > 0.5 - 1e-4 and aspect[uncut].max() < 2 + 1e-4
    if height == width:
        # Uniform between 0.2 and 0.5, and as often upright as lying.
        assert area[uncut].mean() == pytest.approx(0.35, abs=0.01)
        assert np.log(aspect[uncut]).mean() == pytest.approx(0.0, abs=0.03)


def test_position_of_boxes_is_uniform_in_what_is_left():
    layer = RandomResizedCrop(8, area_range=(0.2, 0.5), seed=1)
    left, top, right, bottom = np.float64(layer.draw_boxes(4000, 50, 50)).T
    for share in (left / (1 - (right - left)), top / (1 - (bottom - top))):
        # A uniform share has mean 1/2 and standard deviation sqrt(1/12).
        assert share.mean() == pytest.approx(0.5, abs=0.02)
        assert share.std() == pytest.approx(12**-0.5, abs=0.02)
    assert abs(np.corrcoef(left, top)[0, 1]) < 0.1


def test_area_one_and_aspect_one_is_the_whole_image():
    layer = RandomResizedCrop(8, area_range=(1.0, 1.0), aspect_range=(1.0, 1.0))
    np.testing.assert_allclose(
        layer.draw_boxes(3, 40, 40), WHOLE.repeat(3, 0), atol=1e-6
    )
