"""Encoded photos: valid, rotated and unreadable files."""

import io
import zlib

import numpy as np
from PIL import Image

from tests.tiny import draw_photos

ORIENTATION = 0x0112
XMP = b"<x:xmpmeta><rdf:Description tiff:Orientation%s/></x:xmpmeta>"


def picture(width=90, height=60, seed=0):
    """A smooth RGB image that no turning or mirroring leaves alike."""
    pixels = draw_photos(1, size=max(width, height), seed=seed)[0]
    return Image.fromarray(pixels[:height, :width])


def encode(image, format="JPEG", **options):
    """The file as bytes."""
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def exif(orientation):
    """EXIF data that state an orientation, if any, among other things."""
    data = Image.Exif()
    data[0x010F] = "a maker"  # lies before the orientation
    if orientation is not None:
        data[ORIENTATION] = orientation
    data[0x9003] = "2024:01:01 00:00:00"
    return data


def small_gray_png(depth, width=19, height=7):
    """A gray PNG of 1, 2 or 4 bits a sample, which Pillow does not write."""
    random = np.random.default_rng(depth)
    samples = random.integers(0, 2**depth, (height, width), "uint8")
    bits = np.unpackbits(samples[..., None], axis=-1)[..., -depth:]
    rows = np.packbits(bits.reshape(height, -1), axis=1)
    content = b"".join(b"\0" + row.tobytes() for row in rows)
    header = width.to_bytes(4) + height.to_bytes(4) + bytes([depth, 0, 0, 0, 0])
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(content)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def png_chunk(name, content):
    """A chunk with its length and checksum."""
    checksum = zlib.crc32(name + content)
    return len(content).to_bytes(4) + name + content + checksum.to_bytes(4)


def png_with_xmp(image, orientation, behind=False, **options):
    """A PNG whose XMP states an orientation, before or behind its pixels."""
    data = encode(image, "PNG", **options)
    content = b"XML:com.adobe.xmp" + bytes(5) + XMP % orientation
    place = data.index(b"IEND" if behind else b"IDAT") - 4
    return data[:place] + png_chunk(b"iTXt", content) + data[place:]


def unreadable():
    """Files by the reason why they cannot be read."""
    image = picture()
    jpeg, png = encode(image), encode(image, "PNG")
    return {
        "empty": [b""],
        "not an image of a known format": [
            b"this is text",
            b"\xff",
            encode(image, "WEBP"),
            encode(image, "BMP"),
            encode(image, "GIF", save_all=True, append_images=[picture(seed=1)]),
        ],
        "expected the orientation in EXIF": [
            encode(image, xmp=XMP % b'="6"', exif=exif(None)),
            encode(image, xmp=b"\xff\xfe no text" + XMP % b">3<"),
            png_with_xmp(image, b'="6"'),
            png_with_xmp(image, b">3<", behind=True),
        ],
        "damaged": [jpeg[: len(jpeg) // 2], png[:200], b"\xff\xd8\xff"],
        "too many pixels": [encode(Image.new("RGB", (1200, 1000)))],
    }
