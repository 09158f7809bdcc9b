import numpy as np
import pytest

from pipelines.images.decoding import decode
from pipelines.images.perceptual_hashing import perceptual_hash
from pipelines.images.resizing import Letterboxing, Squashing
from pipelines.pools import preparation
from pipelines.pools.preparation import prepare, prepare_labeled
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
def test_readable_photos_are_aligned_and_the_others_listed(cache, folder):
    for _ in range(2):  # the second time, "disk" has them from the cache
        pool = prepare(folder, 16, cache=cache, workers=3)
        assert [photo.image_id for photo in pool.photos] == ["0", "2", "3", "5"]
        assert pool.labels == ["a", "a", "b", "b"]
        assert len(pool) == len(pool.hashes) == 4
        for row, photo in enumerate(pool.photos):
            pixels = decode(photo.load())
            expected = Squashing(16).resize(pixels)
            np.testing.assert_array_equal(pool.gather([row])[0], expected)
            assert pool.hashes[row] == perceptual_hash(pixels)
        assert [str(skipped) for skipped in pool.skipped] == [
            f"{folder}/a/4.png: not an image of a known format",
            f"{folder}/b/1.png: not an image of a known format",
        ]
    assert (pool.images is None) == (cache == "none")


@pytest.mark.parametrize("cache", CACHES[1:])
def test_labelled_photos_are_letterboxed_and_keep_their_boxes(cache, tree):
    pytest.importorskip("tensorflow")
    pixels = decode((tree / "JPEGImages" / "d.jpg").read_bytes())
    (tree / "JPEGImages" / "b.jpg").write_bytes(b"no photo")
    for _ in range(2):
        pool = prepare_labeled(tree, 20, main_object_only=True, cache=cache)
        assert [photo.image_id for photo in pool.photos] == ["a", "d"]
        assert [photo.image_id for photo in pool.left_out] == ["c"]
        assert [item.path_name.rpartition("/")[2] for item in pool.skipped] == ["b.jpg"]
        batch = pool.gather([1, 0])
        assert batch["bounding_boxes"]["classes"].tolist() == [[1], [0]]
        expected = Letterboxing(20).resize(pixels)
        np.testing.assert_array_equal(batch["images"][0], expected)
        assert pool.hashes[1] == perceptual_hash(pixels)


def test_photos_without_boxes_are_letterboxed_as_those_with_boxes(tree):
    pytest.importorskip("tensorflow")
    with_boxes = prepare_labeled(tree, 20)
    without = prepare(tree, 20, letterboxed=True)
    row_of = {photo.image_id: row for row, photo in enumerate(without.photos)}
    rows = [row_of[photo.image_id] for photo in with_boxes.photos]
    every = np.arange(len(with_boxes))
    np.testing.assert_array_equal(
        without.gather(rows), with_boxes.gather(every)["images"]
    )
    np.testing.assert_array_equal(without.hashes[rows], with_boxes.hashes)


def test_file_that_vanished_is_skipped_and_nothing_readable_refused(folder):
    photos = read(folder)
    (folder / "a" / "0.png").unlink()
    skipped = prepare(photos, 16).skipped[0]
    assert skipped.path_name.endswith("0.png") and "No such file" in skipped.reason
    for path in (*folder.glob("*/*"), folder / "a" / "0.png"):
        path.write_bytes(b"")
    for cache in CACHES:
        with pytest.raises(ValueError, match="6 photos.*0.png: the file is empty$"):
            prepare(folder, 16, cache=cache)


def test_progress_reaches_the_number_of_photos(folder):
    seen = []
    prepare(folder, 16, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (6, 6)


def test_memory_that_is_short_takes_auto_to_disk_or_is_told_in_gigabytes(
    folder, monkeypatch
):
    def refuse(shape, dtype):
        raise MemoryError

    assert not isinstance(prepare(folder, 16).images, np.memmap)
    monkeypatch.setattr(preparation, "MAX_MEMORY_BYTES", 6 * 16 * 16 * 3 - 1)
    assert isinstance(prepare(folder, 16).images, np.memmap)
    monkeypatch.setattr(np, "empty", refuse)
    with pytest.raises(ValueError, match="6 photos of 9000 px need 1.5 GB.*--cache"):
        prepare(folder, 9000, cache="memory")


def test_split_and_problems_reach_the_pool(tmp_path, write_voc, voc_xml):
    annotations = {"a": voc_xml(("cat", (1, 1, 9, 9))), "b": "<broken"}
    tree = write_voc(tmp_path / "tree", annotations, {"train": ["a"], "val": ["b"]})
    assert prepare(tree, 8).labels == ["cat"]
    pool = prepare(tree, 8, split="val")
    assert pool.labels == [None] and pool.problems[0].path_name.endswith("b.xml")


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        (prepare, {"image_size": 0}, "image_size.*0"),
        (prepare, {"cache": "ram"}, "cache.*'ram'"),
        (prepare_labeled, {"class_names": "cat"}, "class_names.*cat"),
        (prepare_labeled, {"class_names": ["cat", "cat"]}, "class_names.*cat"),
        (prepare, {"source": read(np.zeros((1, 2, 2, 3), "uint8"))[:0]}, "no photos"),
    ],
)
def test_arguments_out_of_range_are_refused(function, arguments, words, tree):
    with pytest.raises(ValueError, match=words):
        function(**{"source": tree, "image_size": 16, **arguments})


def test_class_names_by_default_are_those_of_the_boxes(tree):
    pytest.importorskip("tensorflow")
    pool = prepare_labeled(tree, 20)
    assert pool.class_names == ("cat", "dog", "emu")
    assert len(pool) == 4 and pool.max_boxes == 3  # a photo without boxes is kept


def test_nothing_left_is_refused_with_the_first_problem(tmp_path, write_voc, voc_xml):
    pytest.importorskip("tensorflow")
    swapped = voc_xml(("cat", (30, 1, 9, 9)))
    with pytest.raises(ValueError, match="annotation that can be.*a.xml.*swapped"):
        prepare_labeled(write_voc(tmp_path / "swapped", {"a": swapped}), 20)
    difficult = voc_xml(("cat", (1, 1, 9, 9), {"difficult": 1}))
    tree = write_voc(tmp_path / "difficult", {"a": difficult})
    with pytest.raises(ValueError, match="no box that is neither difficult"):
        prepare_labeled(tree, 20)
    assert len(prepare_labeled(tree, 20, objects_required=False)) == 1
    with pytest.raises(ValueError, match="no usable box"):
        prepare_labeled(tree, 20, main_object_only=True)


def test_photos_without_objects_are_prepared_where_none_is_required(
    tmp_path, write_voc, voc_xml
):
    pytest.importorskip("tensorflow")
    tree = write_voc(tmp_path / "tree", {"a": voc_xml(), "b": voc_xml()})
    options = {"class_names": ["cat"], "cache": "none"}
    pool = prepare_labeled(tree, 20, objects_required=False, **options)
    assert len(pool) == 2 and (pool.gather([0, 1])["difficult"] == 0).all()
    with pytest.raises(ValueError, match="no usable box in its 2 readable"):
        prepare_labeled(tree, 20, **options)


def test_labelled_and_unlabelled_preparations_do_not_share_a_cache(tree):
    pytest.importorskip("tensorflow")
    squashed = prepare(tree, 20, cache="disk").gather([0])
    boxed = prepare_labeled(tree, 20, cache="disk").gather([0])["images"]
    assert (boxed[0, 15:] == 0).all() and not (squashed[0, 15:] == 0).all()


def test_real_photos_are_prepared_whole(data_folder):
    pytest.importorskip("tensorflow")
    pool = prepare_labeled(
        data_folder / "voc2007_5cls_160", 96, split="val", main_object_only=True
    )
    assert len(pool) + len(pool.left_out) == 350 and pool.skipped == []
    assert pool.class_names == ("bus", "car", "cat", "person", "train")
    boxes = pool.targets["boxes"][:, 0]
    assert boxes.min() >= 0 and boxes.max() <= 96
    assert (boxes[:, 2:] > boxes[:, :2]).all()
