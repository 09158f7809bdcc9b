import numpy as np
import pytest
from PIL import Image

from pipelines.images.decoding import decode
from pipelines.images.orientation import (
    QUARTER_TURNS,
    quarter_turned_box,
    read_orientation,
)


@pytest.mark.parametrize("orientation", QUARTER_TURNS)
def test_box_lies_on_what_it_lay_on_before_the_turn(orientation, encode):
    pixels = np.zeros((30, 40, 3), "uint8")
    pixels[4:9, 10:31] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(Image.fromarray(pixels), "PNG", exif=exif)
    assert read_orientation(data) == orientation
    upright = decode(data)
    rows, columns = np.nonzero(upright[..., 0])
    found = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    box = quarter_turned_box((10, 4, 31, 9), orientation, width=30, height=40)
    assert upright.shape == (40, 30, 3) and box == found


@pytest.mark.parametrize("orientation", [None, 0, 9])
def test_photo_without_a_known_orientation_is_upright(orientation, draw, encode):
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    data = encode(Image.fromarray(draw()), "JPEG", exif=exif)
    assert read_orientation(data) == 1
    assert read_orientation(b"no photo") == read_orientation(draw()) == 1
