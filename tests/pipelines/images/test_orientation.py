import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from pipelines.images.decoding import decode
from pipelines.images.orientation import (
    QUARTER_TURNS,
    quarter_turned_box,
    read_orientation,
    upright_size,
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


@pytest.mark.parametrize("orientation", [None, 3, 6])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_size_without_decoding_is_that_of_the_upright_pixels(
    kind, orientation, draw, encode, tmp_path
):
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    data = encode(draw(), kind, exif=exif)
    (tmp_path / "photo").write_bytes(data)
    expected = decode(data).shape[1::-1]
    assert expected == ((30, 40) if orientation == 6 else (40, 30))
    assert upright_size(data) == expected
    with open(tmp_path / "photo", "rb") as file:
        assert upright_size(file) == expected
    with open(tmp_path / "photo", "rb") as file:
        assert read_orientation(file) == read_orientation(data)


def test_size_of_a_png_that_states_no_orientation_costs_no_decoding(
    draw, encode, monkeypatch
):
    loads = []

    def load(image):
        loads.append(image)

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    assert upright_size(encode(draw(), "PNG")) == (40, 30) and not loads


@pytest.mark.parametrize("place", ["before", "behind"])
def test_exif_of_a_png_counts_before_and_behind_its_pixels(place, draw, encode):
    exif = Image.Exif()
    exif[0x0112] = 6
    body = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    check = struct.pack(">I", zlib.crc32(body))
    chunk = struct.pack(">I", len(body) - 4) + body + check
    data = encode(draw(), "PNG")
    where = {"before": data.index(b"IDAT") - 4, "behind": data.index(b"IEND") - 4}
    data = data[: where[place]] + chunk + data[where[place] :]
    assert decode(data).shape == (40, 30, 3) and upright_size(data) == (30, 40)
