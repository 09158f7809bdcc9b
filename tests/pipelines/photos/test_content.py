import concurrent.futures
import os
import struct
import zipfile

import numpy as np
import pytest

from pipelines.photos import content
from pipelines.photos.content import (
    ArrayItem,
    PhotoFile,
    UnreadableImage,
    ZipArchive,
    ZipMember,
)


@pytest.fixture
def archive_path(tmp_path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        for number in range(50):
            archive.writestr(f"folder/{number}.jpg", bytes([number]) * 20_000)
    return path


def test_members_are_listed_and_read_right_from_many_threads(archive_path):
    archive = ZipArchive(archive_path)
    names = archive.names()
    assert len(names) == 50 and "folder/7.jpg" in names
    members = [ZipMember(archive, f"folder/{number % 50}.jpg") for number in range(500)]
    with concurrent.futures.ThreadPoolExecutor(16) as executor:
        loaded = list(executor.map(lambda member: member.load(), members))
    assert loaded == [bytes([number % 50]) * 20_000 for number in range(500)]
    assert members[7].path_name == f"{archive_path}/folder/7.jpg"


def test_damaged_and_encrypted_members_are_unreadable(archive_path):
    data = bytearray(archive_path.read_bytes())
    with zipfile.ZipFile(archive_path) as archive:
        names = ("folder/3.jpg", "folder/5.jpg")
        damaged, encrypted = (archive.getinfo(name).header_offset for name in names)
        central = archive.start_dir
    data[damaged + 45 : damaged + 55] = bytes(10)
    for start in (encrypted + 6, data.index(b"folder/5.jpg", central) - 46 + 8):
        data[start : start + 2] = struct.pack("<H", 1)  # the flag of encryption
    archive_path.write_bytes(data)
    archive = ZipArchive(archive_path)
    for name, reason in zip(names, ("in the zip", "encrypted"), strict=True):
        with pytest.raises(UnreadableImage, match=reason):
            archive.read(name)
    assert archive.read("folder/4.jpg") == bytes([4]) * 20_000


def test_other_files_are_no_archive(tmp_path):
    path = tmp_path / "photos.zip"
    path.write_bytes(b"PK but not really")
    with pytest.raises(ValueError, match="photos.zip is not a readable zip"):
        ZipArchive(path)


def test_oversized_files_and_members_and_pipes_are_not_read(archive_path, monkeypatch):
    monkeypatch.setattr(content, "MAX_FILE_BYTES", 10_000)
    large, pipe = (archive_path.with_name(name) for name in ("large.jpg", "pipe.jpg"))
    large.write_bytes(bytes(10_001))
    os.mkfifo(pipe)
    member = ZipMember(ZipArchive(archive_path), "folder/0.jpg")
    for item, reason in (
        (member, "at most"),
        (PhotoFile(large), "at most"),
        (PhotoFile(pipe), "regular"),  # and does not block
    ):
        with pytest.raises(UnreadableImage, match=reason):
            item.load()


def test_fingerprint_of_a_file_changes_with_content_time_and_place(tmp_path):
    item = PhotoFile(tmp_path / "a.jpg")
    fingerprints = [item.fingerprint()]
    item.path.write_bytes(b"1")
    fingerprints.append(item.fingerprint())
    assert item.fingerprint() == fingerprints[-1]
    item.path.write_bytes(b"22")
    fingerprints.append(item.fingerprint())
    os.utime(item.path, ns=(1, 1))
    fingerprints.append(item.fingerprint())
    os.link(item.path, tmp_path / "b.jpg")
    fingerprints.append(item.fingerprint())
    fingerprints.append(PhotoFile(tmp_path / "b.jpg").fingerprint())
    assert len(set(fingerprints)) == 6


def test_fingerprint_of_an_array_is_that_of_its_pixels():
    images = np.zeros((3, 4, 4, 3), "uint8")
    images[2, 3, 3, 2] = 1
    first, second, third = (ArrayItem(images, i, "x").fingerprint() for i in range(3))
    assert first == second != third
