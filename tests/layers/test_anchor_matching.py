import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import AnchorGrid
from ssl_voc.layers.anchor_matching import BACKGROUND, IGNORED, match_anchors
from tests import box_reference

ANCHORS = AnchorGrid([16.0, 32.0], [8, 16]).boxes((64, 64))


def match(objects, anchors=ANCHORS, **thresholds):
    found = match_anchors(objects, anchors, **thresholds)
    return {name: ops.convert_to_numpy(values) for name, values in found.items()}


def draw_objects(num_images=3, num_boxes=4, seed=0):
    random = np.random.default_rng(seed)
    boxes = box_reference.random_boxes(random, num_images, num_boxes, size=64)
    classes = random.integers(0, 5, (num_images, num_boxes)).astype("float32")
    classes[0, 2:] = -1.0
    boxes[0, 2:] = -1.0
    return {"boxes": boxes, "classes": classes}


def match_one_by_one(boxes, classes, difficult, anchors):
    """The rule in words, anchor by anchor: (class, box or None) of each."""
    exists = [i for i in range(len(classes)) if classes[i] >= 0]
    ious = np.array(
        [[box_reference.iou(anchor, boxes[i]) for i in exists] for anchor in anchors]
    ).reshape(len(anchors), len(exists))
    claims = {}  # anchor: objects whose best one it is
    for column in range(len(exists)):
        claims.setdefault(int(np.argmax(ious[:, column])), []).append(column)
    best_of_any = {*claims}
    claims = {
        row: [column for column in columns if not difficult[exists[column]]]
        for row, columns in claims.items()
    }
    claims = {row: columns for row, columns in claims.items() if columns}
    found = []
    for row in range(len(anchors)):
        if not exists:
            found.append((BACKGROUND, None))
            continue
        if row in claims:
            column = max(claims[row], key=lambda column: ious[row, column])
        elif ious[row].max() >= 0.5:
            column = int(np.argmax(ious[row]))
        else:
            unclear = ious[row].max() >= 0.4 or row in best_of_any
            found.append((IGNORED if unclear else BACKGROUND, None))
            continue
        index = exists[column]
        if difficult[index]:
            found.append((IGNORED, None))
        else:
            found.append((classes[index], boxes[index]))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_anchors_are_matched_as_one_by_one(seed):
    objects = draw_objects(seed=seed)
    objects["difficult"] = np.random.default_rng(seed).uniform(size=(3, 4)) < 0.3
    found = match(objects)
    seen = set()
    for image in range(3):
        expected = match_one_by_one(
            objects["boxes"][image],
            objects["classes"][image],
            objects["difficult"][image],
            ANCHORS,
        )
        for row, (label, box) in enumerate(expected):
            assert found["classes"][image, row] == label
            np.testing.assert_allclose(
                found["boxes"][image, row],
                ANCHORS[row] if box is None else box,
                atol=1e-5,
            )
            seen.add(min(label, 0))
    assert seen == {0.0, BACKGROUND, IGNORED}


def test_where_no_anchor_is_forced_the_matches_are_those_of_keras_cv():
    keras_cv = pytest.importorskip("keras_cv")
    from keras_cv.src.models.object_detection.retinanet import (
        RetinaNetLabelEncoder,
    )

    random = np.random.default_rng(3)
    # Objects a little beside an anchor: each has one above the threshold.
    rows = random.choice(len(ANCHORS), (2, 3), replace=False)
    boxes = ANCHORS[rows] + random.uniform(-1.0, 1.0, (2, 3, 4)).astype("float32")
    classes = np.array([[0, 1, 2], [3, 0, 1]], "float32")
    encoder = RetinaNetLabelEncoder(
        "xyxy",
        keras_cv.layers.AnchorGenerator(
            "xyxy",
            sizes=[16.0, 32.0],
            strides=[8, 16],
            scales=AnchorGrid().scales,
            aspect_ratios=AnchorGrid().aspect_ratios,
        ),
    )
    images = np.zeros((2, 64, 64, 3), "float32")
    _, expected = encoder(images, {"boxes": boxes, "classes": classes})
    found = match({"boxes": boxes, "classes": classes})
    np.testing.assert_array_equal(found["classes"], np.asarray(expected))
    assert np.sum(found["classes"] >= 0) > 6


def test_an_object_that_no_anchor_fits_is_learned_by_its_best_one():
    thin = np.array([[[2.0, 30.0, 62.0, 32.0]]], "float32")
    found = match({"boxes": thin, "classes": np.array([[4.0]])})
    assert np.sum(found["classes"] == 4.0) == 1
    np.testing.assert_allclose(found["boxes"][found["classes"] == 4.0], thin[0])


def test_images_without_objects_are_all_background():
    found = match({"boxes": np.full((2, 3, 4), -1.0), "classes": np.full((2, 3), -1.0)})
    assert np.all(found["classes"] == BACKGROUND)
    np.testing.assert_allclose(found["boxes"][0], ANCHORS, atol=1e-5)


def test_padding_takes_no_anchor_from_an_object():
    # A padding box of -1 lies in the corner, where the object is.
    box = ANCHORS[0]
    objects = {"boxes": [[box, [-1.0] * 4]], "classes": [[2.0, -1.0]]}
    alone = match({"boxes": [[box]], "classes": [[2.0]]})
    found = match(objects)
    np.testing.assert_array_equal(found["classes"], alone["classes"])
    assert found["classes"][0, 0] == 2.0


def test_a_difficult_object_takes_no_anchor_that_another_needs():
    anchors = np.array([[0, 0, 10, 10], [20, 20, 30, 30]], "float32")
    # Both fit the first anchor best, the difficult one better; of the other, alone
    # in its corner, the anchor is ignored although it fits badly.
    boxes = [[[0, 0, 6, 6], [0, 0, 9, 9], [20, 20, 23, 23]]]
    objects = {
        "boxes": np.array(boxes, "float32"),
        "classes": np.array([[1.0, 2.0, 0.0]]),
        "difficult": np.array([[False, True, True]]),
    }
    found = match(objects, anchors)
    assert found["classes"].tolist() == [[1.0, IGNORED]]
    np.testing.assert_allclose(found["boxes"][0, 0], boxes[0][0])
