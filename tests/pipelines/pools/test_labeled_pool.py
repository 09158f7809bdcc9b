import itertools

import numpy as np
import pytest

from pipelines.images.decoding import decode
from pipelines.images.letterboxing import letterbox
from pipelines.pools.labeled_preparation import prepare_labeled

tf = pytest.importorskip("tensorflow")


@pytest.fixture
def tree(tmp_path, write_voc, voc_xml):
    """Photos of 40 x 30 pixels with 2, 1, 0 and 3 objects."""
    difficult, truncated = {"difficult": 1}, {"truncated": 1}
    return write_voc(
        tmp_path / "tree",
        {
            "a": voc_xml(("dog", (1, 1, 20, 10), truncated), ("cat", (11, 6, 40, 30))),
            "b": voc_xml(("cat", (1, 1, 4, 6))),
            "c": voc_xml(),
            "d": voc_xml(
                ("cat", (1, 1, 40, 30), difficult),
                ("dog", (5, 5, 12, 12)),
                ("emu", (1, 1, 2, 2)),
            ),
        },
    )


@pytest.fixture
def all_objects(tree):
    return prepare_labeled(tree, 20)


@pytest.fixture
def main_objects(tree):
    return prepare_labeled(tree, 20, main_object_only=True)


def test_all_objects_are_there_and_padded_with_minus_one(all_objects):
    batch = all_objects.gather([0, 2, 3])
    boxes, classes = (batch["bounding_boxes"][name] for name in ("boxes", "classes"))
    assert boxes.dtype == classes.dtype == np.float32
    # 40 x 30 becomes 20 x 15; VOC's (1, 1, 20, 10) is (0, 0, 20, 10).
    assert boxes[0].tolist() == [[0, 0, 10, 5], [5, 2.5, 20, 15], [-1] * 4]
    assert classes.tolist() == [[1, 0, -1], [-1] * 3, [0, 1, 2]]
    assert all_objects.class_names == ("cat", "dog", "emu")
    assert (boxes[1] == -1).all() and boxes[2].min() >= 0
    assert batch["difficult"].tolist() == [[False] * 3] * 2 + [[True, False, False]]
    assert batch["truncated"].tolist() == [[True, False, False]] + [[False] * 3] * 2


def test_main_object_is_the_largest_that_is_not_difficult(main_objects):
    batch = main_objects.gather([0, 1, 2])
    assert batch["bounding_boxes"]["classes"].tolist() == [[0], [0], [1]]
    assert batch["bounding_boxes"]["boxes"][:, 0].tolist() == [
        [5, 2.5, 20, 15],
        [0, 0, 2, 3],
        [2, 2, 6, 6],
    ]
    assert batch["difficult"].shape == batch["truncated"].shape == (3, 1)


def test_main_object_keeps_its_own_flags(tmp_path, write_voc, voc_xml):
    small = ("dog", (1, 1, 5, 5))
    text = voc_xml(small, ("cat", (1, 1, 30, 30), {"truncated": 1}))
    tree = write_voc(tmp_path / "one", {"a": text})
    batch = prepare_labeled(tree, 20, main_object_only=True).gather([0])
    assert batch["truncated"].tolist() == [[True]]


def test_beside_the_main_object_all_objects_are_there(main_objects, all_objects):
    mine = main_objects.gather([0, 1, 2])["all_objects"]
    expected = all_objects.gather([0, 1, 3])
    for name in ("boxes", "classes"):
        np.testing.assert_array_equal(mine[name], expected["bounding_boxes"][name])
    np.testing.assert_array_equal(mine["difficult"], expected["difficult"])


def test_photos_without_a_main_object_are_left_out_and_listed(main_objects, tree):
    assert [photo.image_id for photo in main_objects.photos] == ["a", "b", "d"]
    assert [photo.path_name for photo in main_objects.left_out] == [
        str(tree / "JPEGImages" / "c.jpg")
    ]


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_images_are_those_of_their_photos(cache, tree):
    pool = prepare_labeled(tree, 20, main_object_only=True, cache=cache)
    batch = pool.gather([2, 0])
    for image, index in zip(batch["images"], batch["image_index"], strict=True):
        pixels = decode(pool.photos[index].load())
        np.testing.assert_array_equal(image, letterbox(pixels, 20))
    assert batch["original_size"].tolist() == [[30, 40], [30, 40]]
    assert batch["original_size"].dtype == np.int32


def test_hashes_are_aligned_with_the_photos(main_objects, all_objects):
    np.testing.assert_array_equal(main_objects.hashes, all_objects.hashes[[0, 1, 3]])


def test_an_epoch_is_the_order_of_seed_and_epoch(all_objects):
    for epoch in (0, 3):
        expected = np.random.default_rng([7, epoch]).permutation(4)
        batch = next(all_objects.batches(4, seed=7, initial_epoch=epoch))
        assert batch["image_index"].tolist() == expected.tolist()


def test_resuming_gives_what_an_uninterrupted_run_sees(all_objects):
    def seen(batches, count):
        return [b["image_index"].tolist() for b in itertools.islice(batches, count)]

    assert all_objects.steps_per_epoch(2) == 2
    uninterrupted = seen(all_objects.batches(2, 0), 8)
    assert seen(all_objects.batches(2, 0, initial_epoch=2), 4) == uninterrupted[4:]


def test_fewer_photos_than_a_batch_are_repeated(main_objects):
    assert main_objects.steps_per_epoch(8) == 1
    batch = next(main_objects.batches(8, seed=0))
    assert batch["images"].shape[0] == 8
    assert set(batch["image_index"].tolist()) == {0, 1, 2}


def test_training_dataset_gives_the_batches(main_objects):
    dataset = main_objects.dataset(2, seed=3, initial_epoch=1)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    assert dataset.element_spec["bounding_boxes"]["boxes"] == tf.TensorSpec(
        (2, 1, 4), tf.float32
    )
    batches = main_objects.batches(2, seed=3, initial_epoch=1)
    for tensors, arrays in itertools.islice(zip(dataset, batches, strict=False), 9):
        tf.nest.map_structure(np.testing.assert_array_equal, tensors, arrays)


def test_evaluation_gives_every_photo_once_with_the_remainder(all_objects):
    dataset = all_objects.evaluation_dataset(3)
    assert dataset.cardinality() == 2
    seen = [batch["image_index"].numpy().tolist() for batch in dataset]
    assert seen == [[0, 1, 2], [3]]
    for tensors, arrays in zip(dataset, all_objects.evaluation_batches(3), strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, tensors, arrays)


def test_more_boxes_may_be_padded_but_none_is_cut(tree):
    pool = prepare_labeled(tree, 20, max_boxes=5)
    assert pool.max_boxes == 5
    assert pool.gather([3])["bounding_boxes"]["boxes"].shape == (1, 5, 4)
    with pytest.raises(ValueError, match="3 objects.*max_boxes=2 would cut"):
        prepare_labeled(tree, 20, max_boxes=2)


def test_batch_size_below_one_is_refused(all_objects):
    for call in (all_objects.evaluation_batches, all_objects.evaluation_dataset):
        with pytest.raises(ValueError, match="batch_size.*0"):
            call(0)
