"""Formats that this installation cannot read are told, with what to do."""

import importlib.util
import io
import sys
import types

import numpy as np
import pytest
from PIL import BmpImagePlugin, Image

from pipelines.images import opening
from pipelines.images.decoding import decode
from pipelines.photos.content import UnreadableImage
from pipelines.pools.preparation import prepare
from pipelines.readers.folder import read

HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(99)
JXL = b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(99)


@pytest.fixture
def heif(monkeypatch):
    """Returns `heif(module)`: from then on this is `pillow_heif`, None for missing."""
    Image.init()
    formats = dict(Image.OPEN)
    find_spec = importlib.util.find_spec

    def heif(module):
        def find(name, *rest):
            return module if name == "pillow_heif" else find_spec(name, *rest)

        monkeypatch.setattr(importlib.util, "find_spec", find)
        monkeypatch.setitem(sys.modules, "pillow_heif", module)
        Image.OPEN.pop("HEIF", None)
        opening.installed_formats.cache_clear()

    yield heif
    Image.OPEN.clear()
    Image.OPEN.update(formats)
    opening.installed_formats.cache_clear()


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (HEIC, r"format HEIC: pip install pillow-heif"),
        (JXL, "format JPEG XL: .*convert it to JPEG or PNG"),
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00", "camera raw: .*export it"),
        (b"\x00\x00\x00\x10ftypmp42\x00\x00\x00\x00", "a video: .*ffmpeg"),
    ],
)
def test_a_photo_without_a_decoder_says_what_to_do(data, advice, heif):
    heif(None)
    with pytest.raises(UnreadableImage, match=advice):
        decode(data)


@pytest.mark.parametrize(
    ("feature", "format", "kind"),
    [("avif", "AVIF", "AVIF"), ("jpg_2000", "JPEG2000", "JPEG 2000")],
)
def test_a_pillow_without_a_library_is_told(
    feature, format, kind, monkeypatch, encode, heif
):
    data = encode(Image.new("RGB", (20, 10)), format)
    monkeypatch.setattr("PIL.features.check", lambda name: name != feature)
    heif(None)
    with pytest.raises(UnreadableImage, match=f"{kind}: this Pillow"):
        decode(data)


def test_what_begins_as_a_known_format_is_damaged_not_unknown(encode):
    for format in ("AVIF", "JPEG", "PNG"):
        data = encode(Image.new("RGB", (20, 10)), format)
        with pytest.raises(UnreadableImage, match="damaged"):
            decode(data[:40])


def test_heic_is_read_once_the_plugin_is_installed(heif, tmp_path, encode):
    """A pool on disk, made before, does not keep the photo out."""
    (tmp_path / "IMG_1.HEIC").write_bytes(HEIC)
    (tmp_path / "IMG_2.jpg").write_bytes(encode(Image.new("RGB", (40, 30)), "JPEG"))
    heif(None)
    pool = prepare(read(tmp_path), 8, cache="disk", cache_dir=tmp_path / "cache")
    (skipped,) = pool.skipped
    assert "IMG_1.HEIC" in str(skipped) and "pillow-heif" in str(skipped)

    class FakeHeif(BmpImagePlugin.BmpImageFile):
        format = "HEIF"

        def _open(self):
            stream = io.BytesIO(encode(Image.new("RGB", (40, 30), (9, 99, 9)), "BMP"))
            self.fp = stream
            super()._open()

    plugin = types.ModuleType("pillow_heif")
    plugin.register_heif_opener = lambda: Image.register_open(
        "HEIF", FakeHeif, lambda head: head[4:12] == b"ftypheic"
    )
    heif(plugin)
    pool = prepare(read(tmp_path), 8, cache="disk", cache_dir=tmp_path / "cache")
    assert not pool.skipped
    assert pool.gather(np.arange(1))[0, 0, 0].tolist() == [9, 99, 9]


def test_heic_of_pillow_heif_is_read(encode):
    plugin = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    plugin.register_heif_opener()
    pixels = decode(encode(Image.new("RGB", (40, 30), (200, 30, 40)), "HEIF"))
    assert pixels.shape == (30, 40, 3)
    assert abs(pixels.astype(int) - (200, 30, 40)).max() <= 4
