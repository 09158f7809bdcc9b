"""Predictions from the outputs of an artifact."""

import numpy as np
import pytest

from ssl_voc.serving_client.prediction import read_batch, read_outputs


def detector_outputs(**changes):
    """Two objects in three places."""
    return {
        "boxes": [[1, 2, 30, 40], [0, 0, 5, 5], [-1, -1, -1, -1]],
        "scores": [0.9, 0.4, -1],
        "classes": [2, 0, -1],
        "class_names": ["owl", "cat", ""],
        "num_detections": 2,
        "image_size": [48, 64],
        "errors": "",
        **changes,
    }


def test_padding_is_dropped_and_half_a_character_replaced():
    found = read_outputs(detector_outputs())
    assert found.boxes.tolist() == [[1, 2, 30, 40], [0, 0, 5, 5]]
    assert found.classes.tolist() == [2, 0]
    assert found.class_names == ("owl", "cat")
    assert found.image_size == (48, 64)
    assert found.ranking is None
    found = read_outputs(detector_outputs(class_names=["o\ud800l", "cat", ""]))
    assert found.class_names == ("o?l", "cat")


def test_localizer_gives_one_box_and_ranks_all_classes():
    found = read_outputs(
        detector_outputs(
            boxes=[[1, 2, 3, 4]], num_detections=1, scores=[0.5, 0.25, 0.125]
        )
    )
    assert len(found) == 1 and found.class_names == ("owl",)
    assert found.ranking == (("owl", 0.5), ("cat", 0.25), ("", 0.125))


def test_localizer_of_one_class_is_still_one():
    only = {"boxes": [[1, 2, 3, 4]], "scores": [0.5], "classes": [0]}
    found = read_outputs(
        detector_outputs(**only, class_names=["owl"], num_detections=1)
    )
    assert found.ranking == (("owl", 0.5),)


def test_threshold_includes_its_own_value_and_the_most_confident_are_kept():
    found = read_outputs(detector_outputs(scores=[0.5, 0.25, 0.125], num_detections=3))
    assert found.above(0.25).scores.tolist() == [0.5, 0.25]
    assert found.above(0.0, most=1).class_names == ("owl",)
    assert len(found.above(0.9)) == 0


def test_arrays_of_a_batch_with_bytes_are_read_as_lists_are():
    rows = [detector_outputs(), detector_outputs(errors="empty", num_detections=0)]
    batch = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    batch["class_names"] = batch["class_names"].astype("S").astype(object)
    batch["errors"] = batch["errors"].astype("S").astype(object)
    first, second = read_batch(batch)
    assert first.class_names == ("owl", "cat")
    np.testing.assert_array_equal(first.boxes, read_outputs(rows[0]).boxes)
    assert second.error == "empty" and len(second) == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"num_detections": 4}, "num_detections 4 with 3 boxes"),
        ({"num_detections": -1}, "inconsistent"),
        ({"classes": [1]}, "inconsistent"),
        ({"boxes": [[1, 2, 3]]}, "cannot be read"),
        ({"scores": ["high", 1, 2]}, "cannot be read"),
        ({"scores": [float("nan"), 0.1, -1]}, "NaN or infinite"),
        ({"scores": [1e39, 0.1, -1]}, "NaN or infinite"),
        ({"scores": [0.1, 0.9, -1]}, "do not descend"),
        ({"image_size": 48}, "cannot be read"),
        ({"image_size": [None, 64]}, "cannot be read"),
        ({"class_names": None}, "cannot be read"),
        ({"num_detections": float("inf")}, "cannot be read"),
        ({"classes": [2**40, 0, -1]}, "cannot be read"),
    ],
)
def test_answer_that_makes_no_sense_is_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        read_outputs(detector_outputs(**changes))


@pytest.mark.parametrize(
    ("shape", "reason"), [((), "returned scores once"), ((1, 1), r"of \[1, 2\] images")]
)
def test_outputs_that_make_no_batch_are_refused(shape, reason):
    with pytest.raises(ValueError, match=reason):
        read_batch({"boxes": np.zeros((2, 1, 4)), "scores": np.zeros(shape)})
