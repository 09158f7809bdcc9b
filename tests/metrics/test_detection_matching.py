import numpy as np
import pytest

from ssl_voc.metrics import detection_matching, match_detections
from tests.metrics.detections import generate, one_class


@pytest.mark.parametrize("across_classes", [False, True])
def test_small_chunks_of_pairs_change_nothing(monkeypatch, across_classes):
    case = generate(6, num_images=30)
    whole = match_detections(*case, across_classes=across_classes)
    monkeypatch.setattr(detection_matching, "_CHUNK_PAIRS", 7)
    chunked = match_detections(*case, across_classes=across_classes)
    np.testing.assert_array_equal(chunked.matched, whole.matched)
    np.testing.assert_array_equal(chunked.ious, whole.ious)
    assert np.any(whole.matched >= 0)


def test_only_across_classes_does_a_detection_find_another_class():
    predictions, truth = one_class([0.9], [0], 1)
    predictions["classes"] = [[2]]
    within = match_detections(predictions, truth)
    assert within.matched.tolist() == [-1]
    assert within.ious.tolist() == [0.0]
    across = match_detections(predictions, truth, across_classes=True)
    assert across.matched.tolist() == [0]
    assert across.claims.tolist() == [True]


def test_of_objects_that_overlap_alike_the_first_is_found():
    # 10 x 10 pixels; each of three objects shares 8 x 10 with it.
    predictions, truth = one_class([0.9], [0], 3)
    truth["boxes"][0] = [[500, 0, 510, 10], [2, 0, 12, 10], [-2, 0, 8, 10]]
    assert match_detections(predictions, truth).matched.tolist() == [1]
    truth["boxes"] = truth["boxes"][:, [2, 0, 1]]
    assert match_detections(predictions, truth).matched.tolist() == [0]


def test_numbers_that_are_none_are_refused_with_their_place():
    for name, value in (("boxes", np.nan), ("boxes", np.inf), ("confidence", np.nan)):
        predictions, truth = one_class([0.9, 0.8], [0, 1], 2)
        predictions[name][0, 1] = value
        with pytest.raises(ValueError, match=rf'"{name}".*in image 0, place 1; 1 such'):
            match_detections(predictions, truth)
    predictions, truth = one_class([0.9, 0.8], [0, 1], 2)
    with pytest.raises(ValueError, match="whole numbers.*nan in image 0"):
        match_detections({**predictions, "classes": [[0.0, np.nan]]}, truth)
    truth["boxes"][0, 0, 2] = np.nan
    with pytest.raises(ValueError, match=r'ground_truth\["boxes"\].*image 0, place 0'):
        match_detections(predictions, truth)


def test_padding_may_hold_anything():
    predictions, truth = one_class([0.9, 0.8], [0, 1], 2)
    predictions["classes"] = [[0, -1]]
    predictions["boxes"][0, 1] = np.nan
    predictions["confidence"][0, 1] = np.nan
    assert match_detections(predictions, truth).matched.tolist() == [0]


def test_arrays_that_do_not_fit_are_refused():
    predictions, truth = one_class([0.9, 0.8], [0, 1], 2)
    twice = {name: np.concatenate([values] * 2) for name, values in truth.items()}
    with pytest.raises(ValueError, match="predictions of 1 images, truth of 2"):
        match_detections(predictions, twice)
    with pytest.raises(ValueError, match="class 0, num_classes=0"):
        match_detections(predictions, truth, num_classes=0)
    with pytest.raises(ValueError, match=r"confidence.*\(1, 2\).*\(1, 1\)"):
        match_detections({**predictions, "confidence": [[0.5]]}, truth)
    with pytest.raises(ValueError, match=r'"classes" \(num_images, max_boxes\)'):
        match_detections({**predictions, "classes": [0, 0]}, truth)
    without = {name: v for name, v in predictions.items() if name != "confidence"}
    with pytest.raises(ValueError, match='needs the key "confidence"'):
        match_detections(without, truth)
    with pytest.raises(ValueError, match="iou_threshold=1.0"):
        match_detections(predictions, truth, iou_threshold=1.0)
