"""`PseudoLabelProbe`: how right a teacher's labels are, and when it is looked at."""

from types import SimpleNamespace

import numpy as np
import pytest

from ssl_voc.callbacks import PseudoLabelProbe
from ssl_voc.layers import ObjectPseudoLabels

BOXES = np.array([[0, 0, 10, 10], [20, 20, 40, 40], [50, 50, 60, 60]], "float32")
# Two photos of three objects: the second object of the second photo is difficult.
TRUTH = {
    "boxes": np.stack([BOXES, BOXES]),
    "classes": np.array([[0, 1, 1], [0, 0, -1]]),
    "difficult": np.array([[False, False, False], [False, True, False]]),
}
# Of four labels that are sure, one has the wrong class and one is of what is difficult.
LABELS = {
    "boxes": np.stack([BOXES, BOXES + [1, 0, 1, 0]]).astype("float32"),
    "classes": np.array([[0, 0, 1], [0, 0, -1]]),
    "difficult": np.array([[False, False, True], [False, False, False]]),
    "found_confidence": np.tile([0.9, 0.15, -1.0], (2, 1)),
    "found_classes": np.array([[0, 0, -1], [0, 0, -1]]),
}


def answering(outputs):
    """Something that answers the two photos alike at each time."""
    return SimpleNamespace(predict_on_batch=lambda images: outputs)


def probe(**arguments):
    """The callback on a model that finds the first object of both photos, and less."""
    student = {
        "boxes": TRUTH["boxes"],
        "classes": np.array([[0, 0, -1], [0, -1, -1]]),
        "confidence": np.array([[0.5, 0.05, -1.0], [0.4, -1.0, -1.0]]),
    }
    model = SimpleNamespace(
        labeler=answering(LABELS),
        num_classes=2,
        bounding_box_format="xyxy",
        image_shape=(64, 64),
        **vars(answering(student)),
    )
    model.labeler.pseudo_labels = ObjectPseudoLabels(2)
    callback = PseudoLabelProbe(np.zeros((2, 64, 64, 3)), batch_size=2, **arguments)
    callback.set_model(model)
    return callback


def test_labels_are_judged_by_the_truth_and_by_the_student():
    logs = {}
    probe(truth=TRUTH).on_epoch_end(0, logs)
    # Right are the first of each photo, wrong one; what is difficult counts nothing.
    assert logs["teacher_precision"] == pytest.approx(2 / 3)
    assert logs["teacher_recall"] == pytest.approx(2 / 4)
    # The student's second box scores too little to be heard.
    assert logs["teacher_agreement"] == pytest.approx(2 / 4)


def test_without_truth_there_is_agreement_alone():
    logs = {}
    probe().on_epoch_end(0, logs)
    assert logs.keys() == {"teacher_agreement"}


def test_it_looks_from_an_epoch_on_and_then_at_intervals():
    shown = []
    callback = probe(first_epoch=3, num_epochs=2, show=shown.append)
    looked = []
    for epoch in range(8):
        logs = {}
        callback.on_epoch_end(epoch, logs)
        if logs:
            looked.append(epoch + 1)
    assert looked == [3, 5, 7] and len(shown) == 3
    np.testing.assert_array_equal(shown[0]["boxes"], LABELS["boxes"])


def test_thresholds_follow_after_the_labels_were_judged():
    callback = probe()
    chooser, adapted = callback.model.labeler.pseudo_labels, []
    chooser.adapt = adapted.append
    callback.on_epoch_end(0, {})
    (found,) = adapted
    assert found.keys() == {"confidence", "classes"}
    for name, values in found.items():
        np.testing.assert_array_equal(values, LABELS[f"found_{name}"])
