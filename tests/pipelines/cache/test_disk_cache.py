import errno
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from pipelines.cache import disk_cache
from pipelines.cache.cache_folder import cache_folder
from pipelines.pools.preparation import prepare
from pipelines.readers.sources import read

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path, write_photo):
    for seed in range(5):
        write_photo(tmp_path / "photos" / f"{seed}.jpg", seed)
    return tmp_path / "photos"


@pytest.fixture
def num_decoded(monkeypatch):
    """Counts the photos that were decoded."""
    counts = []
    original = disk_cache.load_or_fill

    def count(entry, shape, fill):
        def counting(images):
            counts.append(len(images))
            return fill(images)

        return original(entry, shape, counting)

    monkeypatch.setattr("pipelines.pools.preparation.load_or_fill", count)
    return lambda: sum(counts)


def entries(cache_dir):
    return sorted(path for path in cache_dir.glob("prepared/*") if path.is_dir())


def test_second_preparation_reads_what_the_first_wrote(folder, tmp_path, num_decoded):
    pools = [prepare(folder, 16, cache="disk", cache_dir=tmp_path) for _ in range(2)]
    assert num_decoded() == 5
    assert isinstance(pools[1].images, np.memmap)
    np.testing.assert_array_equal(pools[0].images, pools[1].images)
    np.testing.assert_array_equal(pools[0].hashes, pools[1].hashes)
    np.testing.assert_array_equal(pools[1].images, prepare(folder, 16).images)


def test_prepared_images_cannot_be_written_to(folder, tmp_path):
    pool = prepare(folder, 16, cache="disk", cache_dir=tmp_path)
    with pytest.raises(ValueError, match="read-only"):
        pool.images[0] = 0


def change(folder):
    path = folder / "0.jpg"
    shutil.copy(folder / "1.jpg", path)
    os.utime(path, ns=(7, 7))


def add(folder):
    shutil.copy(folder / "0.jpg", folder / "9.jpg")


def remove(folder):
    (folder / "0.jpg").unlink()


@pytest.mark.parametrize("edit", [change, add, remove])
def test_another_folder_content_is_prepared_anew(edit, folder, tmp_path):
    prepare(folder, 16, cache="disk", cache_dir=tmp_path)
    edit(folder)
    pool = prepare(folder, 16, cache="disk", cache_dir=tmp_path)
    np.testing.assert_array_equal(pool.images, prepare(folder, 16).images)
    assert len(entries(tmp_path)) == 2


@pytest.mark.parametrize(
    ("number", "times"), [(errno.EIO, 2), (errno.EMFILE, 2), (errno.EACCES, 1)]
)
def test_photos_that_a_failing_system_refused_are_tried_again(
    number, times, folder, tmp_path, num_decoded, monkeypatch
):
    read_bytes = pathlib.Path.read_bytes

    def fail(path):
        if path.name == "3.jpg":
            raise OSError(number, "it did not work")
        return read_bytes(path)

    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "read_bytes", fail)
        pool = prepare(folder, 16, cache="disk", cache_dir=tmp_path)
    assert [str(item) for item in pool.skipped] == [
        f"{folder}/3.jpg: cannot be read: it did not work"
    ]
    again = prepare(folder, 16, cache="disk", cache_dir=tmp_path)
    assert num_decoded() == times * 5
    assert len(again) == (5 if times == 2 else 4)
    assert len(pool.images) == 4  # what is in use stays
    prepare(folder, 16, cache="disk", cache_dir=tmp_path)
    assert num_decoded() == times * 5


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
@pytest.mark.parametrize("data", [None, b"", b"\x93NUMPY damaged"])
def test_damaged_entry_is_made_again(name, data, folder, tmp_path, num_decoded):
    prepare(folder, 16, cache="disk", cache_dir=tmp_path)
    path = entries(tmp_path)[0] / name
    path.unlink() if data is None else path.write_bytes(data)
    pool = prepare(folder, 16, cache="disk", cache_dir=tmp_path)
    assert num_decoded() == 10
    np.testing.assert_array_equal(pool.images, prepare(folder, 16).images)


def test_entry_of_another_shape_is_made_again(folder, tmp_path, num_decoded):
    prepare(folder, 16, cache="disk", cache_dir=tmp_path)
    np.save(entries(tmp_path)[0] / "images.npy", np.zeros((5, 8, 8, 3), "uint8"))
    prepare(folder, 16, cache="disk", cache_dir=tmp_path)
    assert num_decoded() == 10


def test_failed_preparation_leaves_nothing_behind(folder, tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(folder, 16, cache="disk", cache_dir=tmp_path, progress=interrupt)
    assert entries(tmp_path) == []


def test_what_a_killed_process_left_is_not_taken_for_an_entry(folder, tmp_path):
    entry = disk_cache.cache_entry(read(folder), 16, tmp_path)
    left_over = entry.with_suffix(".tmp")
    left_over.mkdir(parents=True)
    (left_over / "images.npy").write_bytes(b"half")
    pool = prepare(folder, 16, cache="disk", cache_dir=tmp_path)
    np.testing.assert_array_equal(pool.images, prepare(folder, 16).images)
    assert entries(tmp_path) == [entry]


PREPARE = """
import sys
import pipelines.pools.preparation as preparation
original = preparation.decode_all
def decode_all(*arguments):
    print("decoded", flush=True)
    return original(*arguments)
preparation.decode_all = decode_all
folder, cache_dir = sys.argv[1:]
pool = preparation.prepare(folder, 16, cache="disk", cache_dir=cache_dir)
print(int(pool.images.sum(dtype="int64")))
"""


def test_processes_that_want_one_entry_decode_once(folder, tmp_path):
    command = [sys.executable, "-c", PREPARE, str(folder), str(tmp_path)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
        for _ in range(3)
    ]
    outputs = [process.communicate(timeout=60)[0].split() for process in processes]
    assert sum(output.count("decoded") for output in outputs) == 1
    expected = str(prepare(folder, 16).images.sum(dtype="int64"))
    assert [output[-1] for output in outputs] == [expected] * 3


def test_full_disk_is_told_before_anything_is_written(folder, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="GB left"):
        prepare(folder, 16, cache="disk", cache_dir=tmp_path)
    assert entries(tmp_path) == []


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


def test_default_cache_dir_is_the_cache_folder(folder):
    prepare(folder, 16, cache="disk")
    assert len(entries(cache_folder())) == 1
