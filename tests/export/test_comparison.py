"""Comparison of an artifact's predictions with those of its model."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.export.comparison import (
    Parity,
    box_tolerances,
    compare_answers,
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
    box, *others = compare_detections(detections(), detections((0, 2, 1)))
    assert (*box, *others) == (0, 0, 0)
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
    (box,), score, unmatched = compare_detections(detections(), found)
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
    box, *others = compare_localizations(expected, found)
    assert (*box, *others) == (2.0, 0.0, 0)
    found["classes"] = np.array([[2, 1, 0]])
    assert compare_localizations(expected, found)[1] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("difference", "holds"),
    [
        ({}, True),
        ({"box_share": 1.01}, False),
        ({"score_difference": 2e-4}, False),
        ({"num_unmatched": 1}, False),
        ({"box_share": float("nan")}, False),
    ],
)
def test_parity_holds_within_the_tolerances_alone(difference, holds):
    facts = dict.fromkeys(field.name for field in dataclasses.fields(Parity))
    facts |= {"box_share": 1.0, "num_unmatched": 0}
    facts |= {"score_difference": 1e-4}
    assert Parity(**facts | difference).holds is holds


def test_boxes_may_differ_by_a_share_of_the_square_in_each_photo():
    # A photo of 4,032 px is 25.2 times as large as its square of 160 px.
    sizes = np.array([(3024, 4032), (160, 100), (40, 30)])
    np.testing.assert_allclose(box_tolerances(sizes, 160), [0.252, 0.01, 0.01])


@pytest.mark.parametrize(
    ("moved", "share"), [((0.2, 0.0), 0.2 / 0.252), ((0.0, 0.02), 2.0)]
)
def test_each_photo_is_held_to_its_own_tolerance(moved, share):
    ranked = {"scores": np.array([[0.7, 0.3]] * 2), "classes": np.array([[0, 1]] * 2)}
    expected = {"boxes": np.zeros((2, 1, 4)), "scores": ranked["scores"]}
    found = {"boxes": np.reshape(moved, (2, 1, 1)) + np.zeros((2, 1, 4)), **ranked}
    held = SimpleNamespace(
        photos=[None] * 2,
        source="val",
        reencoded=np.zeros(2, bool),
        labelled=False,
        images=np.zeros((2, 160, 160, 3), "uint8"),
        sizes=np.array([(3024, 4032), (160, 100)]),
    )
    finished = SimpleNamespace(task="localize", path="runs/a")
    asked = (finished, held, expected, [found], np.zeros(2))
    if share > 1:
        with pytest.raises(BadInput, match="difference 0.02 px .2 times"):
            compare_answers(*asked)
    else:
        parity = compare_answers(*asked)
        assert parity.box_share == pytest.approx(share)
        assert parity.box_difference == 0.2
