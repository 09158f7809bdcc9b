import numpy as np
import pytest

from pipelines.images.decoding import decode
from pipelines.images.perceptual_hashing import perceptual_hash
from pipelines.images.resizing import squash
from pipelines.pools import preparation
from pipelines.pools.preparation import prepare
from pipelines.readers.arrays import read_arrays
from pipelines.readers.sources import read

CACHES = ["auto", "memory", "disk", "none"]


@pytest.fixture
def folder(tmp_path, write_photo):
    """Six photos; of every three the middle one is unreadable."""
    folder = tmp_path / "photos"
    for seed in range(6):
        write_photo(folder / "ab"[seed % 2] / f"{seed}.png", seed)
    for name in ("b/1.png", "a/4.png"):
        (folder / name).write_bytes(b"no image")
    return folder


@pytest.mark.parametrize("cache", CACHES)
def test_rows_photos_labels_and_hashes_are_aligned(cache, folder):
    pool = prepare(folder, 16, cache=cache)
    assert [photo.image_id for photo in pool.photos] == ["0", "2", "3", "5"]
    assert pool.labels == ["a", "a", "b", "b"]
    assert len(pool) == len(pool.hashes) == 4
    for row, photo in enumerate(pool.photos):
        pixels = decode(photo.load())
        np.testing.assert_array_equal(pool.gather([row])[0], squash(pixels, 16))
        assert pool.hashes[row] == perceptual_hash(pixels)
    if cache != "none":
        assert pool.images.shape == (4, 16, 16, 3) and pool.images.dtype == np.uint8


@pytest.mark.parametrize("cache", CACHES)
def test_unreadable_photos_are_listed_with_the_reason(cache, folder):
    for _ in range(2):  # the second time, "disk" has them from the cache
        pool = prepare(folder, 16, cache=cache)
        assert [str(skipped) for skipped in pool.skipped] == [
            f"{folder}/a/4.png: not an image of a known format",
            f"{folder}/b/1.png: not an image of a known format",
        ]


def test_file_that_vanished_is_skipped(folder):
    photos = read(folder)
    (folder / "a" / "0.png").unlink()
    pool = prepare(photos, 16)
    assert pool.skipped[0].name.endswith("0.png")
    assert "No such file" in pool.skipped[0].reason


def test_nothing_readable_is_an_error_with_the_first_reason(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / "photos" / name).write_bytes(b"")
    for cache in CACHES:
        with pytest.raises(ValueError) as raised:
            prepare(tmp_path / "photos", 16, cache=cache)
        message = str(raised.value)
        assert "None of the 2 photos" in message and "\n" not in message
        assert "1.jpg: the file is empty" in message


def test_progress_reaches_the_number_of_photos(folder):
    seen = []
    prepare(folder, 16, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (6, 6)


def test_number_of_workers_does_not_change_the_pool(folder):
    pools = [prepare(folder, 16, workers=workers) for workers in (1, 4)]
    np.testing.assert_array_equal(pools[0].images, pools[1].images)
    np.testing.assert_array_equal(pools[0].hashes, pools[1].hashes)


def test_auto_goes_to_disk_when_memory_is_short(folder, monkeypatch):
    assert not isinstance(prepare(folder, 16).images, np.memmap)
    monkeypatch.setattr(preparation, "MAX_MEMORY_BYTES", 6 * 16 * 16 * 3 - 1)
    assert isinstance(prepare(folder, 16).images, np.memmap)


def test_split_is_passed_on(tmp_path, write_voc, voc_xml):
    annotations = {"a": voc_xml(("cat", (1, 1, 9, 9))), "b": voc_xml()}
    tree = write_voc(tmp_path / "tree", annotations, {"train": ["a"], "val": ["b"]})
    assert prepare(tree, 8).labels == ["cat"]
    assert prepare(tree, 8, split="val").labels == [None]


def test_problems_of_annotations_reach_the_pool(tmp_path, write_voc):
    pool = prepare(write_voc(tmp_path / "tree", {"a": "<broken"}), 8)
    assert len(pool) == 1 and pool.problems[0].path_name.endswith("a.xml")


def test_more_than_the_memory_holds_is_told_in_gigabytes(folder, monkeypatch):
    def refuse(shape, dtype):
        raise MemoryError

    monkeypatch.setattr(np, "empty", refuse)
    with pytest.raises(ValueError, match="6 photos of 9000 px need 1.5 GB.*--cache"):
        prepare(folder, 9000, cache="memory")


def test_arguments_out_of_range_are_refused(folder):
    with pytest.raises(ValueError, match="image_size.*0"):
        prepare(folder, 0)
    with pytest.raises(ValueError, match="cache.*'ram'"):
        prepare(folder, 16, cache="ram")
    with pytest.raises(ValueError, match="no photos"):
        prepare(read_arrays(np.zeros((1, 2, 2, 3), "uint8"))[:0], 16)
