import numpy as np
import pytest
from keras import ops

from ssl_voc.layers.non_max_suppression import suppress_non_maxima
from tests import box_reference


def suppress(boxes, scores, **options):
    found = suppress_non_maxima(
        ops.convert_to_tensor(boxes), ops.convert_to_tensor(scores), **options
    )
    return {name: ops.convert_to_numpy(values) for name, values in found.items()}


def suppress_one_by_one(boxes, scores, iou_threshold, score_threshold):
    """Greedy choice within each class: (score, class, row) from the best on."""
    kept = []
    for label in range(scores.shape[1]):
        chosen = []
        for row in np.argsort(-scores[:, label], kind="stable"):
            if scores[row, label] < score_threshold:
                continue
            if all(
                box_reference.iou(boxes[row], boxes[other]) <= iou_threshold
                for other in chosen
            ):
                chosen.append(row)
        kept += [(scores[row, label], label, row) for row in chosen]
    return sorted(kept, reverse=True)


@pytest.mark.parametrize("iou_threshold", [0.2, 0.5, 0.7])
def test_what_is_kept_is_what_greedy_choice_keeps(iou_threshold):
    random = np.random.default_rng(0)
    # Crowded: chains of overlaps, in which a suppressed box suppresses nothing.
    boxes = box_reference.random_boxes(random, 2, 60, size=60)
    scores = random.uniform(size=(2, 60, 3)).astype("float32")
    found = suppress(
        boxes,
        scores,
        iou_threshold=iou_threshold,
        score_threshold=0.1,
        max_detections=180,
    )
    for image in range(2):
        expected = suppress_one_by_one(boxes[image], scores[image], iou_threshold, 0.1)
        number = found["num_detections"][image]
        assert number == len(expected)
        np.testing.assert_array_equal(
            found["classes"][image, :number], [label for _, label, _ in expected]
        )
        np.testing.assert_allclose(
            found["boxes"][image, :number],
            [boxes[image, row] for _, _, row in expected],
        )
        np.testing.assert_allclose(
            found["confidence"][image, :number], [score for score, _, _ in expected]
        )


def test_what_is_missing_is_padded_and_what_is_too_much_is_the_least_confident():
    boxes = np.array([[[20 * i, 0, 20 * i + 10, 10] for i in range(5)]], "float32")
    scores = np.array([0.5, 0.9, 0.05, 0.7, 0.6], "float32")[None, :, None]
    found = suppress(boxes, scores, score_threshold=0.1, max_detections=2)
    np.testing.assert_array_equal(found["boxes"][0, :, 0], [20.0, 60.0])
    assert found["num_detections"][0] == 2
    found = suppress(boxes, scores, score_threshold=0.65, max_detections=8)
    assert found["num_detections"][0] == 2
    assert np.all(found["boxes"][0, 2:] == -1.0)
    assert np.all(found["confidence"][0, 2:] == -1.0)
    assert np.all(found["classes"][0, 2:] == -1)


def test_nothing_above_the_threshold_is_nothing_found():
    boxes = np.zeros((1, 4, 4), "float32")
    found = suppress(boxes, np.full((1, 4, 2), 0.2, "float32"), score_threshold=0.5)
    assert found["num_detections"][0] == 0
    assert found["boxes"].shape == (1, 100, 4)
    assert np.all(found["classes"] == -1)


def test_tensorflow_s_own_suppression_agrees():
    tf = pytest.importorskip("tensorflow")
    random = np.random.default_rng(5)
    boxes = box_reference.random_boxes(random, 3, 50, size=70)
    scores = random.uniform(size=(3, 50, 4)).astype("float32")
    expected = tf.image.combined_non_max_suppression(
        boxes[:, :, None, [1, 0, 3, 2]],
        scores,
        max_output_size_per_class=50,
        max_total_size=40,
        iou_threshold=0.5,
        clip_boxes=False,
    )
    found = suppress(boxes, scores, max_detections=40)
    np.testing.assert_allclose(found["confidence"], expected.nmsed_scores)
    np.testing.assert_array_equal(found["classes"], expected.nmsed_classes)
    np.testing.assert_allclose(
        found["boxes"], expected.nmsed_boxes.numpy()[..., [1, 0, 3, 2]]
    )
