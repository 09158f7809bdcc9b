"""Parity check where the artifact refuses photos."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from pipelines.images.decoding import decode
from ssl_voc.cli.errors import BadInput
from ssl_voc.export import parity, parity_photos
from ssl_voc.export.config import ExportConfig
from ssl_voc.serving.image_decoding import DAMAGED, TOO_LARGE
from tests import tiny


def held_photos(monkeypatch, *errors):
    """Two photos that an artifact answers with these errors, by its single way."""
    both = {"batch": {"errors": np.array([""] * 2)}}
    both["single"] = {"errors": np.array(errors), "seconds": np.zeros(2)}
    monkeypatch.setattr(parity, "ask_artifact", lambda *_: both)
    photos = [SimpleNamespace(path_name=f"{name}.jpg") for name in "ab"]
    held = SimpleNamespace(photos=photos, source="folder", encoded=None)
    held.select = lambda mask: SimpleNamespace(photos=np.array(photos)[mask])
    return held


def test_where_not_one_photo_is_answered_the_first_reason_is_told(monkeypatch):
    held = held_photos(monkeypatch, DAMAGED, TOO_LARGE)
    complaint = f"^The artifact answers none of the 2 .* a.jpg: {DAMAGED}"
    with pytest.raises(BadInput, match=complaint):
        parity.check_parity(None, None, held, None)


def test_one_refused_photo_is_left_out_by_name(monkeypatch):
    held = held_photos(monkeypatch, "", TOO_LARGE)
    monkeypatch.setattr(parity, "answers_of_model", lambda *_: None)
    told = {}
    monkeypatch.setattr(
        parity, "compare_answers", lambda *args, **named: told.update(named)
    )
    parity.check_parity(None, None, held, None)
    assert told == {"left_out": (f"b.jpg: {TOO_LARGE}",)}


FORMATS = {
    "a.bmp": ("BMP", "RGB"),
    "b.gif": ("GIF", "P"),
    "c.webp": ("WEBP", "RGB"),
    "d.tif": ("TIFF", "RGB"),
    "e.jpg": ("JPEG", "CMYK"),
    "f.png": ("PNG", "I;16"),
    "g.png": ("PNG", "RGBA"),
    "h.jpg": ("JPEG", "RGB"),
    "i.png": ("PNG", "L"),
}


def test_photos_of_any_format_are_sent_as_files_that_models_decode(tmp_path):
    rng = np.random.default_rng(0)
    for name, (format, mode) in FORMATS.items():
        image = Image.fromarray(rng.integers(0, 256, (30, 40, 3), "uint8"))
        if mode == "I;16":
            image = Image.fromarray(rng.integers(0, 4096, (30, 40)).astype("uint16"))
        elif mode != "RGB":
            image = image.convert(mode)
        image.save(tmp_path / name, format)
    finished = SimpleNamespace(class_names=("cat",), manifest={"image_size": 16})
    config = ExportConfig(run=tmp_path, data=(str(tmp_path),))
    held = parity_photos.load_parity_photos(config, finished)
    assert [photo.path_name.rpartition("/")[2] for photo in held.photos] == [*FORMATS]
    assert held.reencoded.sum() == 7
    assert held.select(~held.reencoded).reencoded.tolist() == [False] * 2
    for photo, data in zip(held.photos, held.encoded, strict=True):
        with Image.open(io.BytesIO(data)) as image:
            assert image.format in ("JPEG", "PNG") and image.mode in ("RGB", "L")
        np.testing.assert_array_equal(decode(data), decode(photo.load()))


@pytest.mark.parametrize("difficult", [True, False])
def test_photos_of_difficult_objects_alone_have_no_figures(tmp_path, difficult):
    pixels = tiny.draw_photos(2)
    objects = ([("cat", (2, 2, 30, 30), difficult)], [])
    tiny.write_voc_tree(tmp_path, [*zip(pixels, objects, strict=True)])
    manifest = {"image_size": 16, "task": "detect"}
    finished = SimpleNamespace(class_names=("cat",), manifest=manifest, task="detect")
    config = ExportConfig(run=tmp_path, data=(str(tmp_path),))
    held = parity_photos.load_parity_photos(config, finished)
    assert held.labelled is not difficult and len(held.images) == 2
