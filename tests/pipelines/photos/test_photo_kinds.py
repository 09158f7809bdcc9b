"""Photos are told by their first bytes, and other files are not."""

import pytest
from PIL import Image

from pipelines.photos.photo_kinds import photo_kind


@pytest.mark.parametrize(
    ("format", "kind"),
    [
        *((name, name) for name in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "PPM")),
        *((name, name) for name in ("AVIF",)),
        *(("WEBP", "WebP"), ("JPEG2000", "JPEG 2000"), ("MPO", "JPEG")),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_what_pillow_writes_is_told(format, kind, mode, encode):
    assert photo_kind(encode(Image.new(mode, (20, 10)), format)[:64]) == kind


def container(main, *others, size=None):
    brands = main + bytes(4) + b"".join(others)
    return (size or 8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (container(b"heic", b"mif1", b"heic"), "HEIC"),
        (container(b"mif1", b"heic"), "HEIC"),
        (container(b"mif1", b"avif", b"miaf"), "AVIF"),
        (container(b"heix", b"avif"), "HEIC"),
        (container(b"crx ", b"isom"), "camera raw"),
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00", "camera raw"),
        (b"FUJIFILMCCD-RAW 0201", "camera raw"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        # Brands behind the end of their box are other data.
        (container(b"isom", b"avif", size=16), "video"),
        (container(b"qt  "), "video"),
        (container(b"mp42", b"isom"), "video"),
        (container(b"M4A ", b"isom"), None),
        (b"\x00\x00\x00\x00moov", "video"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "video"),
        (b"\x1aE\xdf\xa3\x01\x00", "video"),
        (b"BM is how this text begins, and more", None),
        (b"P5 is a chapter", None),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", None),
        (b"\xff\xfeU\x00T\x00F\x00", None),  # UTF-16
        *((data, None) for data in (b"", b"{}", b"<a>", b"PK\x03\x04", b"%PDF-1.7")),
    ],
)
def test_containers_raws_and_what_only_looks_like_a_photo(head, kind):
    assert photo_kind(head) == kind
