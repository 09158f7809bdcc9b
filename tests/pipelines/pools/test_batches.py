import pytest

from pipelines.pools.batches import detection, localization, unlabeled
from pipelines.pools.preparation import prepare, prepare_labeled
from tests.pipelines.pools.same_batches import assert_same

tf = pytest.importorskip("tensorflow")


def test_unlabeled_batches_are_those_of_the_pool(tree):
    stream = unlabeled(tree, image_size=16, batch_size=3, seed=4, workers=1)
    assert stream.cardinality() == tf.data.INFINITE_CARDINALITY
    assert_same(stream.take(6), prepare(tree, 16).batches(3, seed=4))


@pytest.mark.parametrize("main_object_only", [False, True])
def test_labeled_batches_are_those_of_the_pool(main_object_only, tree):
    function = localization if main_object_only else detection
    pool = prepare_labeled(tree, 20, main_object_only=main_object_only)
    assert_same(function(tree, 20, 3, seed=5).take(3), pool.batches(3, 5))
    evaluated = function(tree, 20, 3, training=False)
    assert_same(evaluated, pool.evaluation_batches(3), strict=True)


def test_options_reach_the_preparation(tree):
    batch = next(iter(detection(tree, 20, 1, class_names=["dog"], max_boxes=7)))
    assert batch["bounding_boxes"]["boxes"].shape == (1, 7, 4)
    assert batch["bounding_boxes"]["classes"].numpy().max() <= 0
