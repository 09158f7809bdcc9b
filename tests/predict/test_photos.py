"""Photo loading for a model and for drawing."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from ssl_voc.predict.photo_names import NamedPhoto
from ssl_voc.predict.photos import load_ahead, load_in_batches, load_photo
from tests import tiny


@pytest.fixture
def image():
    return Image.fromarray(tiny.draw_photos(1, size=24)[0][:16])


def load(path):
    return load_photo(NamedPhoto(path, path.stem))


def sent(photo):
    """What is sent, opened."""
    return Image.open(io.BytesIO(photo.data))


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_plain_file_is_sent_as_it_is_with_its_color_profile(tmp_path, image, name):
    image.save(tmp_path / name, icc_profile=b"of rgb")
    photo = load(tmp_path / name)
    assert photo.data == (tmp_path / name).read_bytes()
    assert photo.size == (16, 24) and photo.is_lossy == name.endswith("jpg")
    assert photo.color_profile == b"of rgb"


def test_what_decoders_differ_in_is_sent_as_the_pixels_that_are_drawn(tmp_path, image):
    transparent = image.convert("RGBA")
    transparent.putalpha(100)
    transparent.save(tmp_path / "transparent.png")
    image.quantize(8).save(tmp_path / "palette.png")
    image.convert("CMYK").save(tmp_path / "cmyk.jpg", icc_profile=b"of cmyk")
    gray = np.arange(16 * 24, dtype="uint16").reshape(16, 24) * 100
    Image.fromarray(gray).save(tmp_path / "deep.png")
    image.save(tmp_path / "photo.webp")
    image.save(tmp_path / "photo.gif", save_all=True, append_images=[image.rotate(90)])
    image.save(tmp_path / "turned.jpg", xmp=b'<a tiff:Orientation="6"/>')
    for path in sorted(tmp_path.iterdir()):
        photo = load(path)
        with sent(photo) as opened:
            assert (opened.format, opened.mode) == ("PNG", "RGB"), path.name
            np.testing.assert_array_equal(np.asarray(opened), photo.pixels)
    assert load(tmp_path / "turned.jpg").size == (24, 16)
    # Pictures of lossy photos are JPEG files: those of phones would be huge as PNG.
    lossy = {path.name: load(path).is_lossy for path in tmp_path.iterdir()}
    assert lossy["photo.webp"] and not lossy["photo.gif"]
    # These pixels are no longer the profile's own.
    assert load(tmp_path / "cmyk.jpg").color_profile is None


def test_pages_and_frames_behind_the_first_are_told_and_previews_are_none(
    tmp_path, image
):
    others = {"save_all": True, "append_images": [image.rotate(90)]}
    for name in ("one.gif", "one.tif", "one.png", "one.jpg"):
        image.save(tmp_path / name)
        assert not load(tmp_path / name).has_more
    for name in ("more.gif", "more.tif", "more.png", "more.webp"):
        image.save(tmp_path / name, **others)
        assert load(tmp_path / name).has_more
    image.save(tmp_path / "phone.jpg", "MPO", **others)
    assert not load(tmp_path / "phone.jpg").has_more


def test_one_batch_is_loaded_ahead_and_no_more():
    made = []

    def make(number):
        for item in range(number):
            made.append(item)
            yield [item]
        raise OSError("no more")

    batches = load_ahead(make(4))
    first = next(batches)
    batches.close()  # waits for what is being loaded
    assert first == [0] and made == [0, 1]
    seen = []
    with pytest.raises(OSError, match="no more"):
        for batch in load_ahead(make(3)):
            seen.append(batch)
    assert seen == [[0], [1], [2]]
    assert [*load_ahead(iter([[5], [6]]))] == [[5], [6]]


def test_what_is_no_file_to_read_is_skipped_with_the_reason(tmp_path, image):
    image.save(tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")  # reading it would block
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "folder.jpg").mkdir()
    names = ("a", "pipe", "loop", "folder")
    photos = [NamedPhoto(tmp_path / f"{name}.jpg", name) for name in names]
    skipped = {}
    (batch,) = load_in_batches(photos, 4, skipped.__setitem__)
    assert [photo.name for photo in batch] == ["a"]
    reasons = [skipped[str(tmp_path / f"{name}.jpg")] for name in names[1:]]
    assert ["regular file" in reason for reason in reasons] == [True, False, True]
    assert "symbolic links" in reasons[1]


def test_batches_are_bounded_in_count_and_bytes_and_never_empty(tmp_path):
    photos = []
    for number, side in enumerate([10, 10, 40, 10, 0, 10, None, 10]):
        path = tmp_path / f"{number}.png"
        if side:
            Image.new("RGB", (side, side)).save(path)
        elif side == 0:
            path.write_bytes(b"")
        photos.append(NamedPhoto(path, path.stem))
    skipped = []
    # 10 x 10 pixels are 300 bytes, 40 x 40 are 4,800.
    batches = load_in_batches(
        photos, 2, lambda *reason: skipped.append(reason), max_bytes=1000
    )
    names = [[photo.name for photo in batch] for batch in batches]
    assert names == [["0", "1"], ["2"], ["3", "5"], ["7"]]
    empty, gone = skipped
    assert empty == (str(tmp_path / "4.png"), "the file is empty")
    assert gone[0] == str(tmp_path / "6.png") and "No such file" in gone[1]
