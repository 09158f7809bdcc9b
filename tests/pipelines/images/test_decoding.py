import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pipelines.images import decoding
from pipelines.images.decoding import decode, encoded_size
from pipelines.photos.content import UnreadableImage

RED = (200, 30, 40)


def flat(colour, mode="RGB", size=(16, 8)):
    return Image.new(mode, size, colour)


def assert_colour(pixels, colour, tolerance=0):
    assert pixels.dtype == np.uint8 and pixels.shape[-1] == 3
    assert np.abs(pixels.astype(int) - colour).max() <= tolerance


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "JPEG", "WEBP"])
def test_formats_give_the_pixels_exactly_or_nearly(kind, draw, encode):
    pixels = draw(width=65, height=47)
    decoded = decode(encode(pixels, kind, quality=95)).astype(int)
    assert np.abs(decoded - pixels).mean() < (4 if kind in ("JPEG", "WEBP") else 1e-9)


# Orientation, and what turns the stored pixels upright, from the EXIF standard.
UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda stored: np.rot90(stored),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_applied(orientation, draw, encode):
    stored = draw(width=12, height=7)
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(encode(stored, "PNG", exif=exif))
    np.testing.assert_array_equal(decoded, UPRIGHT[orientation](stored))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("body", [b"II*\x00\xff\xff\xff\xff", b"no TIFF header", b""])
def test_nonsense_exif_does_not_lose_the_photo(body, kind, draw, encode):
    pixels = draw()
    data = encode(pixels, kind, exif=b"Exif\x00\x00" + body)
    assert decode(data).shape == pixels.shape


@pytest.mark.parametrize(
    ("samples", "values"),
    [
        (np.array([[77, 200]], "uint8"), [77, 200]),
        (np.array([[True, False]]), [255, 0]),
        # 16 bits are scaled, not clipped: 128 * 257 = 32896 stands for 128.
        (np.array([[0, 32896, 65535]], "uint16"), [0, 128, 255]),
    ],
)
def test_gray_samples_are_scaled_to_8_bits_in_three_channels(samples, values, encode):
    decoded = decode(encode(samples))
    assert decoded.dtype == np.uint8
    assert decoded[0].tolist() == [[value] * 3 for value in values]


def test_cmyk_keeps_its_colour_and_an_animation_gives_its_first_frame(encode):
    image = flat(RED).convert("CMYK")
    assert_colour(decode(encode(image, "JPEG", quality=95)), RED, tolerance=4)
    options = {"save_all": True, "append_images": [flat((0, 0, 255))], "lossless": True}
    for kind in ("GIF", "WEBP", "PNG"):
        assert_colour(decode(encode(flat(RED), kind, **options)), RED, tolerance=2)


def test_transparency_is_laid_on_white(encode):
    assert_colour(decode(encode(flat((200, 0, 0, 0), "RGBA"))), (255, 255, 255))
    # Half of red (200, 0, 0) and half of white; alpha 51 is a fifth.
    assert_colour(decode(encode(flat((200, 0, 0, 51), "RGBA"))), (244, 204, 204), 1)
    image = flat(0, "P", (2, 1))
    image.putpalette([10, 20, 30, *RED])
    image.putpixel((1, 0), 1)
    decoded = decode(encode(image, "PNG", transparency=0))
    assert decoded[0].tolist() == [[255, 255, 255], [*RED]]


@pytest.mark.parametrize("size", [(1, 1), (20000, 20), (1, 3000)])
def test_extreme_shapes_decode(size, encode):
    assert decode(encode(flat(RED, size=size))).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
def test_half_a_file_is_unreadable_and_damage_anywhere_at_worst(kind, draw, encode):
    data = encode(draw(width=200, height=150), kind)
    with pytest.raises(UnreadableImage):
        decode(data[: len(data) // 2])
    rng = np.random.default_rng(0)
    data = np.frombuffer(encode(draw(), kind), "uint8")
    for _ in range(60):
        damaged = data.copy()
        damaged[rng.integers(0, len(data), 8)] = rng.integers(0, 256, 8)
        try:
            pixels = decode(damaged.tobytes())
        except UnreadableImage:
            continue
        assert pixels.dtype == np.uint8 and pixels.ndim == 3


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"this is no image\n" * 50, "not an image"),
        (b"\xff\xd8\xff\xe0 but nothing more", "damaged|not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    ],
)
def test_other_data_is_unreadable(data, reason):
    with pytest.raises(UnreadableImage, match=reason):
        decode(data)


@pytest.mark.parametrize("side", [16_000, 60_000])
def test_decompression_bombs_are_refused_before_decoding(side, encode):
    data = bytearray(encode(flat(RED)))
    data[16:24] = struct.pack(">II", side, side)  # of the header, then its check sum
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    reason = f"announces {side} x {side} pixels, more than the 250 megapixels .* scale"
    with pytest.raises(UnreadableImage, match=reason):
        decode(bytes(data))


def test_floating_point_images_are_refused_with_the_reason(encode):
    with pytest.raises(UnreadableImage, match="range"):
        decode(encode(flat(0.5, "F"), "TIFF"))


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_tiff_whose_zero_is_white_is_no_negative(bits, encode):
    white = 2**bits - 1
    samples = np.array([[0, white]], "uint8" if bits == 8 else "uint16")
    data = encode(samples, "TIFF")
    black_is_zero, white_is_zero = (
        struct.pack("<HHIHH", 262, 3, 1, value, 0) for value in (1, 0)
    )
    assert data.count(black_is_zero) == 1
    assert decode(data)[0, :, 0].tolist() == [0, 255]
    data = data.replace(black_is_zero, white_is_zero)
    assert decode(data)[0, :, 0].tolist() == [255, 0]


@pytest.mark.parametrize(("low", "high"), [(-1000, 3000), (0, 65536)])
def test_gray_samples_beyond_16_bits_are_refused_with_their_range(low, high, encode):
    data = encode(np.array([[low, high]], "int32"), "TIFF")
    with pytest.raises(UnreadableImage, match=f"from {low} to {high}"):
        decode(data)


def test_min_size_reduces_a_jpeg_but_never_below(draw, encode):
    pixels = draw(width=800, height=400)
    data = encode(pixels, "JPEG", quality=95)
    reduced = decode(data, min_size=100)
    assert reduced.shape == (100, 200, 3)  # a quarter
    expected = np.asarray(Image.fromarray(pixels).reduce(4)).astype(int)
    assert np.abs(reduced - expected).mean() < 4
    assert decode(data, min_size=101).shape == (200, 400, 3)  # a half
    assert decode(data, min_size=401).shape == (400, 800, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_photos_of_phones_and_panoramas_are_read_without_a_warning(
    kind, encode, monkeypatch, recwarn
):
    """Pillow warns, or refuses, by a limit that is lower than what cameras take."""
    size = (1638, 363)
    for limit in (size[0] * size[1] - 1, size[0] * size[1] // 3):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        monkeypatch.setattr(decoding, "WARNED_PIXELS", limit)
        assert decode(encode(flat(RED, size=size), kind)).shape == (363, 1638, 3)
        assert Image.MAX_IMAGE_PIXELS == limit  # that of others stays
    assert not recwarn.list


def test_a_photo_of_108_megapixels_is_read_at_reduced_scale(encode):
    photo = encode(Image.new("L", (12_000, 9_000), 90), "JPEG", quality=30)
    assert decode(photo, min_size=300).shape == (1125, 1500, 3)  # an eighth


def test_pixels_pass_unchanged_and_those_of_another_kind_are_refused(draw):
    pixels = draw()
    assert decode(pixels) is pixels
    others = pixels.astype("float32"), pixels[..., 0], pixels[..., [0] * 4], pixels[:0]
    for other in others:
        with pytest.raises(UnreadableImage, match=str(other.shape[0])):
            decode(other)


def test_encoded_size_is_width_and_height(draw, encode):
    assert encoded_size(encode(draw(width=17, height=9), "JPEG")) == (17, 9)
    with pytest.raises(UnreadableImage):
        encoded_size(b"no image")
