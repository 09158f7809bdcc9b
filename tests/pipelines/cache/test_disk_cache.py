import concurrent.futures
import errno
import os
import pathlib
import shutil
import threading
import weakref
import zipfile

import numpy as np
import pytest

from pipelines.cache import disk_cache
from pipelines.cache.cache_folder import (
    _machine,
    cache_folder,
    new_folder,
    sole_writer,
)
from pipelines.photos.content import PhotoFile, ZipArchive, ZipMember
from pipelines.photos.photo import Photo
from pipelines.pools import preparation
from pipelines.pools.preparation import prepare
from pipelines.readers.sources import read


@pytest.fixture
def folder(tmp_path, write_photo):
    for seed in range(5):
        write_photo(tmp_path / "photos" / f"{seed}.jpg", seed)
    return tmp_path / "photos"


@pytest.fixture
def decoded(monkeypatch):
    """List of how many photos each preparation decoded."""
    counts, decode_all = [], preparation.decode_all

    def count(photos, *arguments):
        counts.append(len(photos))
        return decode_all(photos, *arguments)

    monkeypatch.setattr(preparation, "decode_all", count)
    return counts


@pytest.fixture
def on_disk(folder, decoded):
    """Returns `on_disk()`: the pool, and how many photos had to be decoded for it."""

    def on_disk(image_size=16, **options):
        decoded.clear()
        pool = prepare(folder, image_size, cache="disk", **options)
        return pool, sum(decoded)

    return on_disk


def entries():
    return sorted(path for path in cache_folder().glob("prepared/*") if path.is_dir())


def assert_right(pool, folder):
    np.testing.assert_array_equal(pool.images, prepare(folder, 16).images)


def test_second_preparation_reads_what_the_first_wrote(folder, on_disk):
    (first, decoded), (second, decoded_again) = on_disk(), on_disk()
    assert (decoded, decoded_again) == (5, 0)
    assert isinstance(second.images, np.memmap)
    np.testing.assert_array_equal(first.hashes, second.hashes)
    assert_right(first, folder)
    assert_right(second, folder)
    with pytest.raises(ValueError, match="read-only"):
        second.images[0] = 0


@pytest.mark.parametrize(
    "edit",
    [
        lambda folder: os.utime(
            shutil.copy(folder / "1.jpg", folder / "0.jpg"), (7, 7)
        ),
        lambda folder: shutil.copy(folder / "0.jpg", folder / "9.jpg"),
        lambda folder: (folder / "0.jpg").unlink(),
    ],
    ids=["change", "add", "remove"],
)
def test_another_folder_content_is_prepared_anew(edit, folder, on_disk):
    on_disk()
    edit(folder)
    assert_right(on_disk()[0], folder)
    assert len(entries()) == 2


@pytest.mark.parametrize(
    ("number", "is_tried_again"),
    [(errno.EIO, True), (errno.EMFILE, True), (errno.EACCES, False)],
)
def test_photos_that_a_failing_system_refused_are_tried_again(
    number, is_tried_again, folder, on_disk, monkeypatch
):
    open_file = PhotoFile.open

    def fail(file):
        if file.path.name == "3.jpg":
            raise OSError(number, "it did not work")
        return open_file(file)

    with monkeypatch.context() as patch:
        patch.setattr(PhotoFile, "open", fail)
        pool, _ = on_disk()
    assert [str(item) for item in pool.skipped] == [
        f"{folder}/3.jpg: cannot be read: it did not work"
    ]
    again, decoded = on_disk()
    assert (len(again), decoded) == ((5, 5) if is_tried_again else (4, 0))
    assert len(pool.images) == 4  # what is in use stays
    assert on_disk()[1] == 0


def test_photos_are_the_same_however_their_path_is_spelled(
    tmp_path, on_disk, monkeypatch
):
    on_disk()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(2):
            archive.write(tmp_path / "photos" / f"{number}.jpg", f"{number}.jpg")
    monkeypatch.chdir(tmp_path)
    for source in "photos", "./photos":
        prepare(source, 16, cache="disk")
    assert len(entries()) == 1
    archives = [ZipArchive(path) for path in (tmp_path / "a.zip", "a.zip")]
    keys = {
        disk_cache.cache_entry([Photo("0", "zip", ZipMember(archive, name))], 16)
        for archive in archives
        for name in ("0.jpg", "1.jpg")
    }
    assert len(keys) == 2


def test_sizes_and_orders_have_entries_of_their_own(folder, tmp_path):
    photos = read(folder)
    keys = {
        disk_cache.cache_entry(photos, 16, tmp_path),
        disk_cache.cache_entry(photos, 17, tmp_path),
        disk_cache.cache_entry(photos[::-1], 16, tmp_path),
    }
    assert len(keys) == 3
    assert disk_cache.cache_entry(read(folder), 16, tmp_path) in keys


@pytest.mark.parametrize("name", ["images.npy", "facts.npy", "unreadable.json"])
@pytest.mark.parametrize("damage", ["missing", b"", b"\x93NUMPY damaged", "shape"])
def test_damaged_entry_is_made_again(name, damage, folder, on_disk):
    on_disk()
    path = entries()[0] / name
    path.unlink()
    if isinstance(damage, bytes):
        path.write_bytes(damage)
    elif damage == "shape" and name != "unreadable.json":
        np.save(path, np.zeros((4, 8, 8, 3), "uint8"))
    pool, decoded = on_disk()
    assert decoded == 5
    assert_right(pool, folder)


def test_failed_or_killed_preparation_leaves_nothing_behind(
    folder, on_disk, monkeypatch
):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        on_disk(progress=interrupt)
    assert entries() == []
    usage = shutil.disk_usage(cache_folder())._replace(free=10)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: usage)
        with pytest.raises(OSError, match="GB left"):  # before anything is written
            on_disk()
    assert entries() == []
    entry = disk_cache.cache_entry(read(folder), 16)
    left = entry.with_name(f".{entry.name}.{_machine()}-0123.part")
    left.mkdir(parents=True)
    (left / "images.npy").write_bytes(b"half")
    assert_right(on_disk()[0], folder)
    assert entries() == [entry]


def test_what_was_left_of_other_entries_is_deleted_and_what_is_being_written_is_not(
    tmp_path,
):
    left = tmp_path / f".killed.{_machine()}-0123.part"
    left.mkdir()
    with sole_writer(tmp_path / "busy"), new_folder(tmp_path / "busy") as written:
        with sole_writer(tmp_path / "own"):
            assert written.is_dir() and not left.exists()


def test_what_another_machine_writes_stays_till_it_is_old(tmp_path):
    """Its locks may not be seen here."""
    parts = [tmp_path / f".{name}.other-0123.part" for name in ("own", "of_others")]
    for part in parts:
        part.mkdir()
    with sole_writer(tmp_path / "own"):
        assert all(part.is_dir() for part in parts)
    for part in parts:
        os.utime(part, (0, 0))
    with sole_writer(tmp_path / "own"):
        assert not any(part.exists() for part in parts)


def test_the_entry_of_a_machine_that_was_quicker_stays(folder, on_disk, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.ENOLCK, "no locks here")

    monkeypatch.setattr("fcntl.flock", refuse)
    theirs = []

    def overtake(done, total):
        if not theirs:
            theirs.append(prepare(folder, 16, cache="disk"))
            theirs.append(os.stat(theirs[0].images.filename))

    pool, _ = on_disk(progress=overtake)
    assert_right(pool, folder)
    (entry,) = entries()
    assert os.path.samestat(theirs[1], os.stat(entry / "images.npy"))
    assert not [*entry.parent.glob(".*.part")]


def test_full_disk_names_what_may_be_deleted(on_disk, monkeypatch):
    on_disk()
    usage = shutil.disk_usage(cache_folder())._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr(disk_cache, "_size_of", lambda path: len(str(path)) * 10**9)
    prepared = cache_folder() / "prepared"
    words = rf"{prepared} has 0.0 GB left.*\({len(str(prepared))}.0 GB"
    with pytest.raises(OSError, match=words):
        on_disk(image_size=17)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EOPNOTSUPP])
def test_space_is_taken_before_photos_are_decoded(number, folder, on_disk, monkeypatch):
    """A memory map on a disk that is full ends the process by a signal."""
    reserved = []

    def refuse(descriptor, offset, length):
        reserved.append((offset, length, os.fstat(descriptor).st_size))
        raise OSError(number, "no")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    if number == errno.EOPNOTSUPP:  # a file system that knows no such thing
        assert_right(on_disk()[0], folder)
    else:
        with pytest.raises(OSError, match="no") as caught:
            on_disk(progress=lambda done, total: pytest.fail("decoded"))
        assert caught.value.errno == number and entries() == []
    ((offset, length, size),) = reserved
    assert offset == 0 and length == size > 5 * 16 * 16 * 3


def test_images_are_closed_before_their_folder_is_renamed(on_disk, monkeypatch):
    open_memmap, replace = np.lib.format.open_memmap, os.replace
    opened, left_open = [], []

    def track(*arguments, **options):
        images = open_memmap(*arguments, **options)
        opened.append(weakref.ref(images))
        return images

    def count(*paths):
        left_open.append(sum(images() is not None for images in opened))
        replace(*paths)

    monkeypatch.setattr(np.lib.format, "open_memmap", track)
    monkeypatch.setattr(os, "replace", count)
    on_disk()
    assert left_open == [0] and len(opened) == 2  # written, then read


def test_all_that_want_one_entry_decode_once(folder, decoded):
    with concurrent.futures.ThreadPoolExecutor(3) as executor:
        pools = executor.map(lambda _: prepare(folder, 16, cache="disk"), range(3))
    assert decoded == [5]
    for pool in pools:
        assert_right(pool, folder)


def test_cache_folder_obeys_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_VOC_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.setenv("SSL_VOC_CACHE", "~/own")
    assert cache_folder() == tmp_path / "home" / "own"
    monkeypatch.delenv("SSL_VOC_CACHE")
    assert cache_folder() == tmp_path / "xdg" / "ssl_voc"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / "home" / ".cache" / "ssl_voc"


def test_cache_that_cannot_be_written_names_the_variable(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="cache folder .*file/prepared: .*SSL_VOC_CACHE"):
        with sole_writer(tmp_path / "file" / "prepared" / "a"):
            pass

    def home():
        raise RuntimeError("Could not determine home directory.")

    for name in ("SSL_VOC_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pathlib.Path, "home", home)
    with pytest.raises(OSError, match="home directory. Name .*SSL_VOC_CACHE"):
        cache_folder()


def test_file_system_without_locks_is_written_without(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.ENOLCK, "no locks here")

    monkeypatch.setattr("fcntl.flock", refuse)
    with sole_writer(tmp_path / "a"), new_folder(tmp_path / "a") as others:
        with sole_writer(tmp_path / "a"):
            assert others.is_dir()  # what another process is writing is not deleted
    assert (tmp_path / "a").is_dir()


def test_who_waits_for_another_process_is_told_once(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.cache.cache_folder._SILENT_SECONDS", 0.05)
    entered, leave, lines = threading.Event(), threading.Event(), []

    def hold():
        with sole_writer(tmp_path / "a"):
            entered.set()
            leave.wait(60)

    def tell(line, **options):
        lines.append(line)
        leave.set()

    monkeypatch.setattr("builtins.print", tell)
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        executor.submit(hold)
        entered.wait(60)
        for _ in range(2):
            with sole_writer(tmp_path / "a"):
                assert leave.is_set()
    assert len(lines) == 1 and str(tmp_path / "a") in lines[0]
