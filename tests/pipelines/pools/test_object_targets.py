import numpy as np
import pytest

from pipelines.pools.object_targets import ObjectTargets
from pipelines.readers.sources import read

NAMES = ("cat", "dog", "emu")


def test_all_objects_are_there_and_padded_with_minus_one(tree):
    batch = ObjectTargets(read(tree), NAMES, 20).gather(np.array([0, 2, 3]))
    boxes, classes = (batch["bounding_boxes"][name] for name in ("boxes", "classes"))
    assert boxes.dtype == classes.dtype == np.float32
    # 40 x 30 becomes 20 x 15; VOC's (1, 1, 20, 10) is (0, 0, 20, 10).
    assert boxes[0].tolist() == [[0, 0, 10, 5], [5, 2.5, 20, 15], [-1] * 4]
    assert classes.tolist() == [[1, 0, -1], [-1] * 3, [0, 1, 2]]
    assert (boxes[1] == -1).all() and boxes[2].min() >= 0
    assert batch["difficult"].tolist() == [[False] * 3] * 2 + [[True, False, False]]
    assert batch["truncated"].tolist() == [[True, False, False]] + [[False] * 3] * 2
    assert batch["original_size"].dtype == np.int32
    assert batch["original_size"].tolist() == [[30, 40]] * 3
    assert batch["image_index"].tolist() == [0, 2, 3]
    assert "all_objects" not in batch


def test_main_object_is_the_largest_that_is_not_difficult_with_its_own_flags(
    tmp_path, write_voc, voc_xml
):
    small, flags = ("dog", (1, 1, 5, 5)), {"truncated": 1}
    annotations = {
        "a": voc_xml(small, ("cat", (11, 6, 40, 30), flags)),
        "b": voc_xml(("cat", (1, 1, 40, 30), {"difficult": 1}), small),
    }
    photos = read(write_voc(tmp_path / "tree", annotations))
    targets = ObjectTargets(photos, NAMES, 20, main_object_only=True)
    batch = targets.gather(np.array([0, 1]))
    assert batch["bounding_boxes"]["classes"].tolist() == [[0], [1]]
    assert batch["bounding_boxes"]["boxes"][:, 0].tolist() == [
        [5, 2.5, 20, 15],
        [0, 0, 2.5, 2.5],
    ]
    assert batch["truncated"].tolist() == [[True], [False]]
    assert batch["difficult"].tolist() == [[False], [False]]
    every = ObjectTargets(photos, NAMES, 20).gather(np.array([0, 1]))
    expected = {**every["bounding_boxes"], "difficult": every["difficult"]}
    assert batch["all_objects"].keys() == expected.keys()
    for name, values in batch["all_objects"].items():
        np.testing.assert_array_equal(values, expected[name])


def test_more_boxes_may_be_padded_but_none_is_cut(tree):
    photos = read(tree)
    padded = ObjectTargets(photos, NAMES, 20, max_boxes=5).gather(np.array([3]))
    assert padded["bounding_boxes"]["boxes"].shape == (1, 5, 4)
    with pytest.raises(ValueError, match="max_boxes=2"):
        ObjectTargets(photos, NAMES, 20, max_boxes=2)
