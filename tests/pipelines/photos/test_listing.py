"""Photos of a folder are found by content where their names do not tell."""

import os

import numpy as np
import pytest
from PIL import Image

from pipelines.photos.listing import is_photo_name, list_files, list_photos
from pipelines.pools.preparation import prepare
from pipelines.readers.folder import read


@pytest.mark.parametrize(
    ("name", "format"),
    [
        *(("nosuffix", "JPEG"), ("1234567890", "PNG"), ("v1.2", "WEBP")),
        *(("tweet.jpg_large", "JPEG"), ("pic.png:orig", "PNG")),
        *(("q.jpg?w=200", "JPEG"), ("q.webp?h=1.5&fit=crop", "WEBP")),
        *(("a.avif", "AVIF"), ("a.jp2", "JPEG2000"), ("UPPER.JPG", "JPEG")),
        *(("avif_inside.jpg", "AVIF"), ("webp_inside.jpeg", "WEBP")),
        *(("photo.mpo", "MPO"), ("photo.thumb", "PNG"), ("кот.фото", "JPEG")),
    ],
)
def test_a_photo_of_any_name_is_read(name, format, tmp_path, encode):
    colour = (200, 30, 40)
    (tmp_path / name).write_bytes(encode(Image.new("RGB", (40, 30), colour), format))
    pool = prepare(read(tmp_path), 8, cache="memory")
    assert len(pool) == 1 and not pool.skipped
    image = pool.gather(np.arange(1))[0].astype(int)
    assert abs(image - colour).max() <= 8


def test_other_files_beside_photos_are_neither_read_nor_told(tmp_path, encode):
    photo = encode(Image.new("RGB", (40, 30)), "JPEG")
    (tmp_path / "a").write_bytes(photo)
    for name in ("desktop.ini", "data.yaml", "README", "classes.csv", "BMW.md"):
        (tmp_path / name).write_text("BM: P5 GIF or so\n")
    (tmp_path / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    unfinished = ("._a.jpg", ".hidden", "half.jpg.part", "b.jpg.crdownload")
    for name in (*unfinished, "a.jpg~", "a.jpg_original", "A.JPG_ORIGINAL"):
        (tmp_path / name).write_bytes(photo)
    os.mkfifo(tmp_path / "pipe")  # reading it would block
    problems = []
    assert list_photos(tmp_path, problems) == [tmp_path / "a"]
    assert not problems


def test_what_a_system_hides_is_not_listed(tmp_path):
    hidden = ["._1.jpg", ".DS_Store", ".thumbs/1.jpg", "__MACOSX/1.jpg"]
    hidden += ["@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", "$RECYCLE.BIN/$R1.jpg"]
    for name in ("day/1.jpg", "day/1.xml", *(f"day/{name}" for name in hidden)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = list_files(tmp_path, [])
    assert found == [tmp_path / "day" / "1.jpg", tmp_path / "day" / "1.xml"]


def test_raw_files_of_cameras_are_left_out_and_told(tmp_path, encode):
    image = Image.new("RGB", (40, 30))
    (tmp_path / "DSC_1.JPG").write_bytes(encode(image, "JPEG"))
    # Their thumbnails are TIFF images that Pillow would take for the photo.
    (tmp_path / "DSC_1.NEF").write_bytes(encode(image, "TIFF"))
    (tmp_path / "IMG_2.CR2").write_bytes(b"II*\x00\x10\x00\x00\x00CR\x02\x00")
    photos = read(tmp_path)
    assert [photo.path_name for photo in photos] == [str(tmp_path / "DSC_1.JPG")]
    assert {problem.kind for problem in photos.problems} == {"camera raw file left out"}
    told = " ".join(map(str, photos.problems))
    assert "DSC_1.NEF" in told and "IMG_2.CR2" in told and "export it" in told


def test_videos_are_left_out_and_told(tmp_path, encode):
    (tmp_path / "a.jpg").write_bytes(encode(Image.new("RGB", (40, 30)), "JPEG"))
    head = b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  "
    (tmp_path / "movie.mov").write_bytes(head)
    problems = []
    assert list_photos(tmp_path, problems) == [tmp_path / "a.jpg"]
    (problem,) = problems
    assert problem.kind == "video left out" and "ffmpeg" in problem.reason


def test_a_file_that_cannot_be_opened_is_told(tmp_path, encode, monkeypatch):
    (tmp_path / "a.jpg").write_bytes(encode(Image.new("RGB", (40, 30)), "JPEG"))
    (tmp_path / "locked").write_bytes(b"")

    def refuse(path, *arguments):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("builtins.open", refuse)
    problems = []
    assert list_photos(tmp_path, problems) == [tmp_path / "a.jpg"]
    (problem,) = problems
    assert str(problem).endswith("locked: cannot be looked at: Permission denied")


def test_photo_names_of_the_web():
    names = "a.jpg_large a.jpg:orig a.JPG?w=200 a.png!thumb a.heic a.HEIF a.avif a.jxl"
    assert all(map(is_photo_name, names.split()))
    names = "a.jpg_b.txt jpg a.jpgs a.json?x.jpg.gz a.jpg.part a.png~ .jpg?w=2"
    names += " a.jpg_original a.HEIC_original"
    assert not any(map(is_photo_name, names.split()))
