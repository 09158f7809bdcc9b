import numpy as np
import pytest

from ssl_voc.metrics import confusion_counts, match_detections
from tests.metrics import average_precision_reference as reference
from tests.metrics.detections import generate, one_class


@pytest.mark.parametrize("lowest", [0.0, 0.5])
def test_counts_are_those_of_the_loops(lowest):
    total = 0
    for seed in range(40):
        case = generate(seed)
        counts = confusion_counts(match_detections(*case, num_classes=4), lowest)
        np.testing.assert_array_equal(counts, reference.confusion(*case, 4, lowest))
        total = total + counts
    # Every kind of cell is used: right, mistaken, seen where nothing is, missed.
    assert np.trace(total[:4, :4]) > 0
    assert np.sum(total[:4, :4]) > np.trace(total[:4, :4])
    assert total[4, 0] > 0
    assert total[0, 4] > 0


def test_rows_sum_to_the_objects_and_columns_to_the_detections():
    predictions, truth = generate(2, num_images=30)
    counts = confusion_counts(match_detections(predictions, truth, num_classes=4), 0.0)
    wanted = truth["classes"][~truth["difficult"]]
    objects = np.bincount(wanted[wanted >= 0], minlength=4)
    np.testing.assert_array_equal(counts[:4].sum(axis=1), objects)
    del truth["difficult"]
    counts = confusion_counts(match_detections(predictions, truth, num_classes=4), 0.0)
    detected = predictions["classes"]
    shown = np.bincount(detected[detected >= 0], minlength=4)
    np.testing.assert_array_equal(counts[:, :4].sum(axis=0), shown)


def test_golden_case_of_each_kind():
    # Objects 0-3 of class 0; detected: object 0 rightly and once more, object 1 as
    # class 1, nothing, and object 2 with too little confidence.
    predictions, truth = one_class([0.9, 0.8, 0.7, 0.6, 0.1], [0, 0, 1, -1, 2], 4)
    predictions["classes"] = [[0, 0, 1, 1, 0]]
    counts = confusion_counts(match_detections(predictions, truth), 0.5)
    # Rows true 0, 1, background; columns predicted 0, 1, missed.
    assert counts.tolist() == [[1, 1, 2], [0, 0, 0], [1, 1, 0]]


def test_a_second_detection_of_an_object_is_none_of_its_neighbor():
    truth = {"boxes": [[[0, 0, 10, 10], [3, 0, 13, 10]]], "classes": [[0, 0]]}
    predictions = {
        "boxes": [[[0, 0, 10, 10], [1, 0, 11, 10]]],
        "classes": [[0, 0]],
        "confidence": [[0.9, 0.8]],
    }
    predictions, truth = (
        {name: np.array(values) for name, values in part.items()}
        for part in (predictions, truth)
    )
    counts = confusion_counts(match_detections(predictions, truth), 0.5)
    assert counts.tolist() == [[1, 1], [1, 0]]


def test_without_detections_or_objects_and_matches_across_classes_refused():
    predictions, truth = one_class([0.9], [0], 1)
    none = {name: values[:, :0] for name, values in predictions.items()}
    counts = confusion_counts(match_detections(none, truth), 0.0)
    assert counts.tolist() == [[0, 1], [0, 0]]
    empty = {name: values[:, :0] for name, values in truth.items()}
    counts = confusion_counts(match_detections(predictions, empty), 0.0)
    assert counts.tolist() == [[0, 0], [1, 0]]
    across = match_detections(predictions, truth, across_classes=True)
    with pytest.raises(ValueError, match="within classes.*across_classes=True"):
        confusion_counts(across, 0.5)
    with pytest.raises(ValueError, match="lowest_confidence=nan"):
        confusion_counts(match_detections(predictions, truth), np.nan)
