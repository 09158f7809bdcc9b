"""Comparison of an artifact's predictions with those of its model."""

import dataclasses

import numpy as np
import pytest

from ssl_voc.export.comparison import (
    Parity,
    box_tolerance,
    compare_detections,
    compare_localizations,
)

BOXES = np.array([(0, 0, 10, 10), (20, 20, 50, 40), (5, 5, 9, 30)], "float64")


def detections(order=(0, 1, 2), boxes=BOXES, scores=(0.9, 0.5, 0.5), classes=(0, 1, 1)):
    """One photo with some of three detections, padded to four."""
    found = {"boxes": boxes, "classes": classes, "scores": scores}
    for name, values in found.items():
        rows = np.asarray(values)[list(order)]
        padding = [(0, 4 - len(rows)), *[(0, 0)] * (rows.ndim - 1)]
        found[name] = np.pad(rows, padding, constant_values=-1)[None]
    return found


def photos(*rows):
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def test_order_of_equal_scores_and_the_end_of_a_list_are_no_differences():
    assert compare_detections(detections(), detections((0, 2, 1))) == (0, 0, 0)
    # 0.5 is the lowest score: a hair less, and it falls below threshold or limit.
    assert compare_detections(detections(), detections((0, 1)))[2] == 0
    assert compare_detections(detections(()), detections(()))[2] == 0
    # The end of a full list may be another object.
    first, other = (detections((0, 1, 2, last)) for last in (1, 0))
    for photo in (first, other):
        photo["scores"][0] = (0.9, 0.8, 0.7, 0.6)
    expected, found = photos(first, detections()), photos(other, detections())
    assert compare_detections(expected, found)[2] == 0


def test_largest_differences_are_found_and_nan_is_one():
    moved = BOXES + [[0, 0, 0, 0], [0, 0.25, 0, 0], [0, 0, 0, 0]]
    found = detections(boxes=moved, scores=(0.9, 0.5, 0.52))
    box, score, unmatched = compare_detections(detections(), found)
    assert (box, score) == pytest.approx((0.25, 0.02)) and unmatched == 0
    found = detections(boxes=BOXES * [1, 1, np.nan, 1])
    assert np.isnan(compare_detections(detections(), found)[0])
    found = detections(scores=(0.9, np.nan, 0.5))
    assert np.isnan(compare_detections(detections(), found)[1])
    # Nor does it excuse that it has no counterpart, or that others have none.
    expected = photos(detections(), detections((1, 2)))
    another = detections(classes=(2, 1, 1), scores=(np.nan, 0.5, 0.5))
    found = photos(detections((1, 2)), another)
    assert compare_detections(expected, found)[2] == 2


def test_an_object_that_one_alone_has_found_is_counted():
    lost = detections((1, 2))
    assert compare_detections(detections(), lost)[2] == 1
    assert compare_detections(lost, detections())[2] == 1
    renamed = detections(classes=(2, 1, 1))
    assert compare_detections(detections(), renamed)[2] == 2
    # An only object is the lowest of its photo, but far above what others are told by.
    expected = photos(detections(), detections((0,)))
    assert compare_detections(expected, photos(detections(), detections(())))[2] == 1


def test_scores_of_a_localizer_are_compared_class_by_class():
    ranked = {"classes": np.array([[1, 2, 0]]), "scores": np.array([[0.5, 0.3, 0.2]])}
    expected = {"boxes": np.zeros((1, 1, 4)), **ranked}
    found = {"boxes": np.full((1, 1, 4), 2.0), **ranked}
    assert compare_localizations(expected, found) == (2.0, 0.0, 0)
    found["classes"] = np.array([[2, 1, 0]])
    assert compare_localizations(expected, found)[1] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("difference", "holds"),
    [
        ({}, True),
        ({"box_difference": 2e-3}, False),
        ({"score_difference": 2e-4}, False),
        ({"num_unmatched": 1}, False),
        ({"box_difference": float("nan")}, False),
    ],
)
def test_parity_holds_within_the_tolerances_alone(difference, holds):
    facts = dict.fromkeys(field.name for field in dataclasses.fields(Parity))
    facts |= {"box_difference": 1e-3, "box_tolerance": 1e-3, "num_unmatched": 0}
    facts |= {"score_difference": 1e-4}
    assert Parity(**facts | difference).holds is holds


def test_what_float32_cannot_tell_apart_is_no_difference():
    assert box_tolerance([[[0.0, 0.0, 4000.0, 3000.0]]]) == 1e-3
    # Here the next float32 is 0.001 away.
    far = box_tolerance([[[0.0, 0.0, 10_000.0, 10.0]]])
    assert far == pytest.approx(0.0039, abs=1e-4)
    assert box_tolerance(np.zeros((0, 1, 4))) == 1e-3
