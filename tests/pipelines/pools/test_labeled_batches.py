import numpy as np
import pytest

from pipelines.pools.labeled_batches import detection, localization
from pipelines.pools.labeled_preparation import prepare_labeled

tf = pytest.importorskip("tensorflow")


@pytest.fixture
def tree(tmp_path, write_voc, voc_xml):
    annotations = {
        "a": voc_xml(("cat", (1, 1, 20, 20)), ("dog", (1, 1, 9, 9))),
        "b": voc_xml(),
        "c": voc_xml(("dog", (1, 1, 20, 20))),
    }
    return write_voc(tmp_path / "tree", annotations)


def same(tensors, arrays):
    tf.nest.map_structure(np.testing.assert_array_equal, tensors, arrays)


@pytest.mark.parametrize(
    ("function", "main_object_only"), [(localization, True), (detection, False)]
)
def test_batches_are_those_of_the_pool(function, main_object_only, tree):
    pool = prepare_labeled(tree, 20, main_object_only=main_object_only)
    assert len(pool) == (2 if main_object_only else 3)
    for tensors, arrays in zip(
        function(tree, 20, 2, seed=5).take(3), pool.batches(2, 5), strict=False
    ):
        same(tensors, arrays)
    evaluated = function(tree, 20, 2, training=False)
    for tensors, arrays in zip(evaluated, pool.evaluation_batches(2), strict=True):
        same(tensors, arrays)


def test_options_reach_the_preparation(tree):
    batch = next(iter(detection(tree, 20, 1, class_names=["dog"], max_boxes=7)))
    assert batch["bounding_boxes"]["boxes"].shape == (1, 7, 4)
    assert batch["bounding_boxes"]["classes"].numpy().max() <= 0
