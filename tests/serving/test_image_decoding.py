"""Image decoding inside a graph, against `pipelines.decode`."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import pipelines
from ssl_voc.serving.image_decoding import decode_upright
from tests.serving.encoded import (
    XMP,
    encode,
    exif,
    picture,
    png_chunk,
    png_with_xmp,
    small_gray_png,
    unreadable,
)

MAX_PIXELS = 1_000_000


@pytest.fixture(scope="module")
def decode():
    """`decode_upright` as one graph, from bytes to NumPy."""
    graph = tf.function(
        lambda data: decode_upright(data, MAX_PIXELS),
        autograph=False,
        input_signature=[tf.TensorSpec((), tf.string)],
    )

    def call(data):
        pixels, error = graph(tf.constant(data))
        return pixels.numpy(), error.numpy().decode()

    return call


def assert_same(decode, data):
    pixels, error = decode(data)
    assert error == ""
    np.testing.assert_array_equal(pixels, pipelines.decode(data))
    return pixels


@pytest.mark.parametrize(
    ("mode", "format", "options"),
    [
        ("RGB", "JPEG", {"quality": 30, "subsampling": 2}),
        ("RGB", "JPEG", {"quality": 75, "subsampling": 1}),
        ("RGB", "JPEG", {"quality": 95, "subsampling": 0}),
        ("RGB", "JPEG", {"progressive": True, "optimize": True}),
        ("L", "JPEG", {}),
        ("CMYK", "JPEG", {}),
        *((mode, "PNG", {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
    ],
)
def test_pixels_are_those_of_the_evaluator(decode, mode, format, options):
    # Odd sides: chroma is upsampled beyond its last sample.
    image = picture(91, 57).convert(mode)
    pixels = assert_same(decode, encode(image, format, **options))
    if mode in ("CMYK", "RGB"):
        assert np.ptp(pixels.astype(int), axis=-1).max() > 30  # of colour


def test_gray_png_of_any_depth_is_scaled_to_8_bits(decode):
    for white in (1, 3, 15):
        pixels = assert_same(decode, small_gray_png(white.bit_length()))
        assert {*np.unique(pixels)} == {n * 255 // white for n in range(white + 1)}
    for bits in (8, 12, 14, 16):
        samples = np.random.default_rng(0).integers(0, 2**bits, (30, 40), "uint16")
        samples[3, 5] = 2**bits - 1
        pixels = assert_same(decode, encode(Image.fromarray(samples), "PNG"))
        assert pixels.max() == (16 if bits == 8 else 255)


def test_transparency_is_laid_on_white_as_by_the_evaluator(decode):
    # All pairs of colour and alpha.
    alpha, color = np.mgrid[0:256, 0:256].astype("uint8")
    pixels = np.stack([color, color[::-1], 255 - color, alpha], axis=-1)
    composed = assert_same(decode, encode(Image.fromarray(pixels), "PNG"))
    assert (composed[0] == 255).all()
    palette = picture().convert("P")
    assert_same(decode, encode(palette, "PNG", transparency=3))
    image = picture()
    assert_same(decode, encode(image, "PNG", transparency=image.getpixel((3, 3))))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_orientation_is_applied_as_by_the_evaluator(decode, orientation, format):
    upright = assert_same(decode, encode(picture(), format, exif=exif(orientation)))
    assert upright.shape == ((60, 90, 3) if orientation < 5 else (90, 60, 3))


def test_orientation_is_found_beside_xmp_and_behind_the_pixels(decode):
    assert_same(decode, encode(picture(), xmp=XMP % b'="1"'))
    turned = encode(picture(), xmp=XMP % b'="3"', exif=exif(6))
    assert assert_same(decode, turned).shape == (90, 60, 3)
    assert_same(decode, png_with_xmp(picture(), b'="1"'))
    turned = png_with_xmp(picture(), b'="3"', exif=exif(6))
    assert assert_same(decode, turned).shape == (90, 60, 3)
    data = encode(picture(), "PNG")
    end = data.index(b"IEND") - 4
    chunk = png_chunk(b"eXIf", exif(6).tobytes().removeprefix(b"Exif\0\0"))
    assert assert_same(decode, data[:end] + chunk + data[end:]).shape == (90, 60, 3)


def test_photo_that_cannot_be_read_gives_the_reason(decode):
    for reason, files in unreadable().items():
        for data in files:
            pixels, error = decode(data)
            assert reason in error, data[:20]
            assert pixels.shape == (1, 1, 3) and not pixels.any()
    # The announced size is believed before anything is decoded.
    data = bytearray(encode(picture(), "PNG"))
    data[16:24] = b"\x7f\xff\xff\xff" * 2
    assert "too many pixels" in decode(bytes(data))[1]
    # As many as allowed are decoded.
    assert decode(encode(Image.new("RGB", (1000, 1000)), "PNG"))[1] == ""


def test_real_photos_have_the_pixels_of_the_evaluator(decode, data_folder):
    files = sorted((data_folder / "voc2007_originals/JPEGImages").glob("*.jpg"))[:20]
    assert files
    for file in files:
        assert_same(decode, file.read_bytes())
