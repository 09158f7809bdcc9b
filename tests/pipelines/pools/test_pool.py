import itertools

import numpy as np
import pytest

from pipelines.images.resizing import decode_for, squash
from pipelines.photos.content import UnreadableImage
from pipelines.pools.pool import Pool
from pipelines.pools.preparation import prepare
from pipelines.readers.arrays import read_arrays

NUM_PHOTOS = 11


@pytest.fixture
def pool():
    """Photos of one colour each: the red value is the index."""
    images = np.zeros((NUM_PHOTOS, 4, 4, 3), "uint8")
    images[..., 0] = np.arange(NUM_PHOTOS)[:, None, None]
    photos = read_arrays({"images": images, "labels": np.arange(NUM_PHOTOS) % 2})
    return Pool(photos, 4, np.arange(NUM_PHOTOS, dtype="uint64"), images)


def indices(batch):
    return np.asarray(batch)[:, 0, 0, 0].tolist()


def take(batches, count):
    return [indices(batch) for batch in itertools.islice(batches, count)]


def test_an_epoch_is_the_seeded_permutation_cut_into_batches(pool):
    for epoch in (0, 1, 7):
        order = np.random.default_rng([5, epoch]).permutation(NUM_PHOTOS)
        expected = [order[0:3].tolist(), order[3:6].tolist(), order[6:9].tolist()]
        assert take(pool.batches(3, 5, initial_epoch=epoch), 3) == expected


def test_no_photo_comes_twice_in_an_epoch(pool):
    for epoch in range(3):
        seen = sum(take(pool.batches(5, 0, initial_epoch=epoch), 2), [])
        assert len(set(seen)) == 10


def test_resuming_at_an_epoch_gives_what_an_uninterrupted_run_sees(pool):
    uninterrupted = take(pool.batches(4, 3), 10)
    assert pool.steps_per_epoch(4) == 2
    assert take(pool.batches(4, 3, initial_epoch=3), 4) == uninterrupted[6:]


def test_epochs_and_seeds_differ(pool):
    first, second = take(pool.batches(11, 0), 2)
    assert first != second and sorted(first) == sorted(second)
    assert take(pool.batches(11, 1), 1) != [first]


def test_dataset_gives_the_batches_in_their_order(pool):
    tf = pytest.importorskip("tensorflow")
    dataset = pool.dataset(4, seed=3, initial_epoch=1)
    assert dataset.element_spec == tf.TensorSpec((4, 4, 4, 3), tf.uint8)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    expected = take(pool.batches(4, 3, initial_epoch=1), 60)
    assert [indices(batch) for batch in dataset.take(60)] == expected
    # A second pass begins where the first did.
    assert [indices(batch) for batch in dataset.take(3)] == expected[:3]


def test_labels_come_with_their_images_as_places_among_the_names(pool):
    names = ("1", "2", "0")  # the label of a photo is the parity of its red value
    plain = take(pool.batches(4, 3, initial_epoch=1), 5)
    batches = pool.batches(4, 3, initial_epoch=1, class_names=names)
    for expected, (images, labels) in zip(plain, batches, strict=False):
        assert indices(images) == expected
        assert labels.dtype == "int32"
        assert labels.tolist() == [0 if index % 2 else 2 for index in expected]


def test_dataset_gives_labelled_batches_in_their_order(pool):
    tf = pytest.importorskip("tensorflow")
    dataset = pool.dataset(4, 3, initial_epoch=1, class_names=("0", "1"))
    assert dataset.element_spec == (
        tf.TensorSpec((4, 4, 4, 3), tf.uint8),
        tf.TensorSpec((4,), tf.int32),
    )
    expected = pool.batches(4, 3, initial_epoch=1, class_names=("0", "1"))
    for got, (images, labels) in zip(dataset.take(9), expected, strict=False):
        np.testing.assert_array_equal(got[0], images)
        np.testing.assert_array_equal(got[1], labels)


@pytest.mark.parametrize("names", [("0",), ()])
def test_a_label_that_is_not_among_the_names_is_an_error(names, pool):
    for call in (pool.batches, pool.dataset):
        with pytest.raises(ValueError, match=r"has the label '\d', which is none of"):
            call(4, 0, class_names=names)


def test_a_photo_without_label_cannot_come_in_a_labelled_batch(pool):
    photos = read_arrays({"images": pool.images})
    without = Pool(photos, 4, pool.hashes, pool.images)
    with pytest.raises(ValueError, match="has the label None"):
        without.label_numbers(("0", "1"))


def test_gather_gives_the_rows_asked_for(pool):
    assert indices(pool.gather([9, 0, 9])) == [9, 0, 9]
    pool.gather([0])[:] = 99
    assert indices(pool.gather([0])) == [0]  # a batch is a copy


@pytest.mark.parametrize("batch_size", [12, 1000])
def test_pool_smaller_than_a_batch_is_an_error(batch_size, pool):
    for call in (pool.batches, pool.dataset):
        with pytest.raises(ValueError, match=f"11 readable photos.*{batch_size}"):
            call(batch_size, 0)
    assert pool.steps_per_epoch(11) == 1


def test_batch_size_below_one_is_an_error(pool):
    with pytest.raises(ValueError, match="batch_size.*0"):
        pool.batches(0, 0)


def test_labels_and_sources_are_aligned(pool):
    assert pool.labels == [str(index % 2) for index in range(NUM_PHOTOS)]
    assert pool.sources == ["arrays"] * NUM_PHOTOS
    assert len(pool) == NUM_PHOTOS


def test_without_kept_images_each_batch_is_decoded_again(tmp_path, write_photo):
    for seed in range(9):
        write_photo(tmp_path / "photos" / f"{seed}.jpg", seed)
    kept = prepare(tmp_path / "photos", 16, cache="memory")
    decoded = prepare(tmp_path / "photos", 16, cache="none", workers=3)
    assert decoded.images is None
    for expected, batch in itertools.islice(
        zip(kept.batches(4, 0), decoded.batches(4, 0), strict=True), 5
    ):
        np.testing.assert_array_equal(batch, expected)
    expected = squash(decode_for(kept.photos[2], 16), 16)
    np.testing.assert_array_equal(decoded.gather([2])[0], expected)


def test_photo_that_becomes_unreadable_stops_the_batch(tmp_path, write_photo):
    path = write_photo(tmp_path / "photos" / "1.jpg")
    pool = prepare(tmp_path / "photos", 16, cache="none")
    path.write_bytes(b"")
    with pytest.raises(UnreadableImage, match=f"{path} can no longer be read: "):
        pool.gather([0])
    path.unlink()
    with pytest.raises(UnreadableImage, match="no longer be read: No such file") as end:
        pool.gather([0])
    assert pool.failure is end.value
