"""What a run says of photos, whatever its task."""

import types

import numpy as np

from ssl_voc.explain.subject import Subject
from ssl_voc.tasks import TASKS


def subject_that_predicts(predicted, task="detect"):
    predicted = {"boxes": np.zeros((*predicted["classes"].shape, 4)), **predicted}
    subject = object.__new__(Subject)
    subject.task = TASKS[task]
    subject.model = types.SimpleNamespace(predict_on_batch=lambda images: predicted)
    subject.pool = types.SimpleNamespace(class_names=("a", "b", "c"))
    return subject


def test_a_detector_scores_a_class_by_its_most_confident_detection():
    predicted = {
        "classes": np.array([[1, 2, 1, -1], [-1, -1, -1, -1]]),
        "confidence": np.array([[0.9, 0.6, 0.5, -1], [-1, -1, -1, -1]]),
    }
    found = subject_that_predicts(predicted).probabilities(np.zeros((2, 8, 8, 3)))
    np.testing.assert_allclose(found, [[0, 0.9, 0.6], [0, 0, 0]])


def test_a_detector_that_finds_nothing_does_not_answer_the_first_class():
    predicted = {
        "classes": np.array([[0, 2], [2, 0], [-1, -1]]),
        "confidence": np.array([[0.4, 0.3], [0.4, 0.3], [-1, -1]]),
    }
    found = subject_that_predicts(predicted).predict_classes(np.zeros((3, 8, 8, 3)))
    np.testing.assert_array_equal(found, [0, 2, -1])


def test_a_localizer_scores_classes_itself():
    scores = np.array([[0.2, 0.5, 0.3]], "float32")
    predicted = {"scores": scores, "classes": np.array([[1]])}
    subject = subject_that_predicts(predicted, "localize")
    np.testing.assert_array_equal(subject.probabilities(np.zeros((1, 8, 8, 3))), scores)
