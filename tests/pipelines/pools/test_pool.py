import itertools

import numpy as np
import pytest

from pipelines.images.resizing import Squashing
from pipelines.photos.content import UnreadableImage
from pipelines.pools.pool import Pool
from pipelines.pools.preparation import prepare, prepare_labeled
from pipelines.readers.sources import read
from tests.pipelines.pools.same_batches import assert_same

NUM_PHOTOS = 11


@pytest.fixture
def pool():
    """Photos of one colour each: the red value is the index."""
    images = np.zeros((NUM_PHOTOS, 4, 4, 3), "uint8")
    images[..., 0] = np.arange(NUM_PHOTOS)[:, None, None]
    photos = read({"images": images, "labels": np.arange(NUM_PHOTOS) % 2})
    return Pool(photos, Squashing(4), np.arange(NUM_PHOTOS, dtype="uint64"), images)


@pytest.fixture
def labeled(tree):
    pytest.importorskip("tensorflow")
    return prepare_labeled(tree, 20, max_boxes=4)


def indices(batch):
    if isinstance(batch, dict):
        return np.asarray(batch["image_index"]).tolist()
    return np.asarray(batch)[:, 0, 0, 0].tolist()


def take(batches, count):
    return [indices(batch) for batch in itertools.islice(batches, count)]


@pytest.mark.parametrize("name", ["pool", "labeled"])
def test_batches_are_those_of_the_epoch_order_also_when_resumed(name, request):
    pool = request.getfixturevalue(name)
    expected = []
    for epoch in range(4):
        order = np.random.default_rng([5, epoch]).permutation(len(pool)).tolist()
        expected += [order[at : at + 2] for at in range(0, len(pool) - 1, 2)]
    steps = pool.steps_per_epoch(2)
    assert take(pool.batches(2, 5), 4 * steps) == expected
    assert take(pool.batches(2, 5, initial_epoch=3), steps) == expected[3 * steps :]


def test_another_pool_may_set_the_pace_of_epochs(pool):
    batches = take(pool.batches(2, 5), 20)
    # Three epochs of four steps, whatever the steps of the pool's own.
    later = pool.batches(2, 5, initial_epoch=3, steps_per_epoch=4)
    assert take(later, 8) == batches[12:]


def test_selected_photos_keep_their_pixels_and_hashes(pool):
    part = pool.select([1, 4, 9]).select([1, 2])
    assert indices(part.gather([0, 1])) == [4, 9]
    assert part.hashes.tolist() == [4, 9]
    assert [photo.image_id for photo in part.photos] == [
        pool.photos[index].image_id for index in (4, 9)
    ]


@pytest.mark.parametrize("name", ["pool", "labeled"])
def test_dataset_gives_the_batches_in_their_order(name, request):
    tf = pytest.importorskip("tensorflow")
    pool = request.getfixturevalue(name)
    dataset = pool.dataset(3, seed=3, initial_epoch=1)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    expected = list(itertools.islice(pool.batches(3, 3, initial_epoch=1), 30))
    for count in (30, 3):  # a second pass begins where the first did
        assert_same(dataset.take(count), expected)
    spec = dataset.element_spec
    if name == "labeled":
        assert spec["bounding_boxes"]["boxes"] == tf.TensorSpec((3, 4, 4), tf.float32)
        assert len(spec) == 6
    else:
        assert spec == tf.TensorSpec((3, 4, 4, 3), tf.uint8)


def test_targets_of_any_shape_come_with_their_images(pool):
    tf = pytest.importorskip("tensorflow")
    embeddings = np.arange(len(pool) * 3, dtype="float32").reshape(-1, 3)
    options = {"seed": 3, "initial_epoch": 1, "targets": embeddings}
    batches = list(itertools.islice(pool.batches(4, **options), 9))
    for images, targets in batches:
        np.testing.assert_array_equal(targets, embeddings[indices(images)])
    dataset = pool.dataset(4, **options)
    assert dataset.element_spec[1] == tf.TensorSpec((4, 3), tf.float32)
    assert_same(dataset.take(9), batches, strict=True)


def test_labels_come_with_their_images_as_places_among_the_names(pool):
    tf = pytest.importorskip("tensorflow")
    names = ("1", "2", "0")  # the label of a photo is the parity of its red value
    plain = take(pool.batches(4, 3, initial_epoch=1), 9)
    options = {"seed": 3, "initial_epoch": 1, "targets": pool.label_numbers(names)}
    batches = list(itertools.islice(pool.batches(4, **options), 9))
    for expected, (images, labels) in zip(plain, batches, strict=True):
        assert indices(images) == expected
        assert labels.dtype == "int32"
        assert labels.tolist() == [0 if index % 2 else 2 for index in expected]
    dataset = pool.dataset(4, **options)
    assert dataset.element_spec[1] == tf.TensorSpec((4,), tf.int32)
    assert_same(dataset.take(9), batches, strict=True)


def test_label_that_is_missing_or_not_among_the_names_is_refused(pool):
    with pytest.raises(ValueError, match=r"label '\d'"):
        pool.label_numbers(("0",))
    photos = read({"images": pool.images})
    with pytest.raises(ValueError, match="label None"):
        Pool(photos, Squashing(4), pool.hashes).label_numbers(("0", "1"))


def test_gather_gives_the_rows_asked_for(pool):
    assert indices(pool.gather([9, 0, 9])) == [9, 0, 9]
    pool.gather([0])[:] = 99
    assert indices(pool.gather([0])) == [0]  # a batch is a copy


def test_too_few_photos_are_refused_without_boxes_and_repeated_with_them(pool, labeled):
    assert pool.steps_per_epoch(11) == 1
    for call in (pool.batches, pool.dataset):
        for batch_size, words in (
            (12, "11 readable photos.* 12"),
            (0, "batch_size.*0"),
        ):
            with pytest.raises(ValueError, match=words):
                call(batch_size, 0)
    for call in (pool.evaluation_batches, pool.evaluation_dataset):
        with pytest.raises(ValueError, match="batch_size.*0"):
            call(0)
    assert labeled.steps_per_epoch(9) == 1
    for few in take(labeled.batches(9, seed=0), 4):
        assert sorted(np.bincount(few)) == [2, 2, 2, 3]  # evenly


def test_evaluation_gives_every_photo_once_with_the_remainder(labeled):
    dataset = labeled.evaluation_dataset(3)
    assert dataset.cardinality() == 2
    assert take(dataset, 9) == [[0, 1, 2], [3]]
    assert_same(dataset, labeled.evaluation_batches(3), strict=True)


def test_size_is_told(pool, labeled):
    assert "11 photos of 4 px" in repr(pool) and "3 classes" in repr(labeled)


def test_photo_that_becomes_unreadable_stops_the_batch(tmp_path, write_photo):
    path = write_photo(tmp_path / "photos" / "1.jpg")
    pool = prepare(tmp_path / "photos", 16, cache="none")
    path.write_bytes(b"")
    with pytest.raises(UnreadableImage, match=f"{path} "):
        pool.gather([0])
    path.unlink()
    with pytest.raises(UnreadableImage, match="No such file") as end:
        pool.gather([0])
    assert pool.failure is end.value
