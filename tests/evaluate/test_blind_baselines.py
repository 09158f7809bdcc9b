"""Answers that do not see the photo, and what a detector has beyond them."""

import keras
import numpy as np
import pytest

import pipelines
from pipelines.images.letterboxing import letterbox
from ssl_voc.evaluate.blind_baselines import (
    GRAY,
    answer_alike,
    frequent_layout,
    predict_gray,
)
from ssl_voc.evaluate.blind_lines import blind_lines, is_clear_of_blind
from ssl_voc.evaluate.detection.blind_rows import MEASURE, measure_blind
from ssl_voc.evaluate.detection.matching import measure_detections
from ssl_voc.evaluate.localization import blind_rows
from ssl_voc.evaluate.localization.measures import measure_localizations
from tests import box_reference, tiny

NAMES = ("blue", "red")
SIDE = 100


def photos_with(*boxes_of_photos):
    """Photos of 100 x 100 pixels with objects of a class at boxes."""
    photos = [
        pipelines.Photo(
            str(number),
            "drawn",
            None,
            tuple(pipelines.Object(name, box) for name, box in boxes),
            width=SIDE,
            height=SIDE,
        )
        for number, boxes in enumerate(boxes_of_photos)
    ]
    return pipelines.Photos(photos, "drawn")


LEFT, RIGHT, SMALL = (0, 0, 40, 40), (60, 60, 100, 100), (10, 70, 20, 80)
TRAINING = photos_with(
    [("red", LEFT), ("red", (1, 1, 41, 41))],  # one box finds one of them
    [("red", LEFT), ("blue", RIGHT)],
    [("red", (2, 0, 42, 40))],
    [("blue", (60, 61, 100, 100))],
    [("blue", SMALL)],
)


def test_each_box_of_the_layout_finds_most_of_what_is_left():
    layout = frequent_layout(TRAINING, NAMES, 10)
    expected = [("red", 3 / 5), ("blue", 2 / 5), ("red", 1 / 5), ("blue", 1 / 5)]
    found = [
        (NAMES[label], share)
        for label, share in zip(layout["classes"], layout["confidence"], strict=True)
    ]
    assert sorted(found) == sorted(expected)
    assert np.all(np.diff(layout["confidence"]) <= 0)
    assert np.abs(layout["boxes"][0] - np.divide(LEFT, SIDE)).max() < 0.03
    # Each box after the first of its class finds what the first leaves.
    assert layout["boxes"][3].tolist() == [0.1, 0.7, 0.2, 0.8] or layout["boxes"][
        2
    ].tolist() == [0.1, 0.7, 0.2, 0.8]
    assert len(frequent_layout(TRAINING, NAMES, 2)["classes"]) == 2
    nothing = frequent_layout(photos_with([], []), NAMES, 10)
    assert answer_alike(nothing, [(5, 6)])["boxes"].shape == (1, 0, 4)


def test_a_layout_is_answered_in_pixels_of_each_photo():
    layout = frequent_layout(photos_with([("red", LEFT)]), NAMES, 10)
    answers = answer_alike(layout, [(50, 200), (100, 100)])
    np.testing.assert_allclose(answers["boxes"], [[[0, 0, 80, 20]], [[0, 0, 40, 40]]])
    assert answers["classes"].tolist() == [[1], [1]]


def test_gray_pictures_are_letterboxed_photos_without_content():
    inputs = keras.Input((8, 8, 3), dtype="uint8")
    outputs = {"pixels": keras.layers.Flatten()(inputs)}
    model = keras.Model(inputs, outputs)
    sizes = np.array([(30, 40), (40, 30), (30, 40)])
    predicted = predict_gray(model, sizes, 8)["pixels"].reshape(-1, 8, 8, 3)
    for found, size in zip(predicted, sizes, strict=True):
        expected = letterbox(np.full((*size, 3), GRAY, "uint8"), 8)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("looks", [True, False])
def test_a_detector_that_looks_is_told_from_one_that_does_not(looks):
    random = np.random.default_rng(0)
    places = random.integers(0, 60, (40, 2))
    boxes = np.concatenate([places, places + 40], axis=1)
    photos = photos_with(*([("red", tuple(map(int, box)))] for box in boxes))
    guess = np.repeat([[30.0, 30, 70, 70]], 40, axis=0)
    answers = [
        {
            "boxes": found[:, None].astype("float64"),
            "classes": np.ones((40, 1), int),
            "confidence": np.full((40, 1), 0.5),
        }
        for found in (boxes if looks else guess, guess)
    ]
    found = measure_detections(photos, NAMES, answers[0])
    rows = measure_blind(found, answers[1], photos, 500)
    assert is_clear_of_blind(rows) == looks
    text = "\n".join(blind_lines(rows, MEASURE, "AP"))
    assert ("NOT SHOWN" in text) == (not looks)
    for row in rows.values():
        low, high = row["gain_ci"]
        assert low <= row["gain"] <= high
        assert row["voc10_ap50_ci"][0] <= row["voc10_ap50"] <= row["voc10_ap50_ci"][1]
    if not looks:
        assert rows["gray_photos"]["gain"] == 0.0
    for training in (None, photos_with([], [])):
        assert measure_blind(found, answers[1], training, 9).keys() == {"gray_photos"}
    nothing = measure_detections(photos_with(*[[]] * 40), NAMES, answers[0])
    rows = measure_blind(nothing, answers[1], photos, 9)
    assert blind_lines(rows, MEASURE, "AP") == []


@pytest.mark.parametrize("looks", [True, False])
def test_a_localizer_that_looks_is_told_from_one_that_does_not(looks):
    random = np.random.default_rng(0)
    places = np.concatenate([np.full((10, 2), 30), random.integers(0, 60, (30, 2))])
    boxes = np.concatenate([places, places + 40], axis=1)
    # Of two objects the larger is the main one; which class it is of plays no part.
    photos = photos_with(
        *(
            [(NAMES[number % 2], tuple(map(int, box))), ("red", (0, 0, 9, 9))]
            for number, box in enumerate(boxes)
        )
    )
    guess = np.repeat([[30.0, 30, 70, 70]], 40, axis=0)
    answer, scores = boxes if looks else guess, np.full((40, 2), 0.5)
    found = measure_localizations(photos, NAMES, scores, answer)
    rows = blind_rows.measure_blind(found, guess, photos)
    hits = np.mean([box_reference.iou(box, guess[0]) > 0.5 for box in boxes])
    gray, frequent = rows["gray_photos"], rows["frequent_box"]
    assert 0.25 < gray["loc_acc_50"] == hits
    # One of the objects' own boxes: of those it was chosen from right most often.
    assert frequent["loc_acc_50"] >= hits
    assert gray["gain"] == pytest.approx(1 - hits if looks else 0.0)
    for row in rows.values():
        assert row["gain_ci"][0] <= row["gain"] <= row["gain_ci"][1]
    assert is_clear_of_blind(rows) == looks
    text = "\n".join(blind_lines(rows, blind_rows.MEASURE, "LocAcc@0.5"))
    assert ("NOT SHOWN" in text) == (not looks)
    assert blind_rows.measure_blind(found, guess, None).keys() == {"gray_photos"}


def test_the_frequent_box_is_one_of_the_classes_that_are_told_apart():
    photos = photos_with(*[[("red", LEFT)]] * 4)
    training = photos_with(*[[("red", LEFT), ("sky", (0, 0, SIDE, SIDE))]] * 4)
    guess = np.repeat([[60.0, 60, 70, 70]], 4, axis=0)
    found = measure_localizations(photos, ("red",), np.ones((4, 1)), guess)
    rows = blind_rows.measure_blind(found, guess, training)
    assert rows["frequent_box"]["loc_acc_50"] == 1.0


def test_gray_pictures_of_a_detector_give_what_it_knows_by_heart():
    model = tiny.with_usual_weights(tiny.build_detector())
    predicted = predict_gray(model, np.array([(64, 64)] * 3), 64)
    assert predicted["boxes"].shape == (3, 100, 4)
    np.testing.assert_array_equal(predicted["boxes"][0], predicted["boxes"][2])
