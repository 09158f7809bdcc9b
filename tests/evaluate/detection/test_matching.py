"""From detections to figures and rows, against loops and arithmetic."""

import json

import numpy as np
import pytest

from pipelines.photos.photo import Object
from ssl_voc.evaluate.detection.gallery import PICTURES, draw_galleries
from ssl_voc.evaluate.detection.outcomes import (
    choose_confidence,
    corloc_of_photos,
    count_outcomes,
)
from ssl_voc.evaluate.detection.plots import (
    draw_average_precision,
    draw_precision_recall,
)
from ssl_voc.evaluate.detection.records import coco_results, image_rows
from ssl_voc.evaluate.detection.summary import summarize
from ssl_voc.evaluate.detection.table import format_detection
from ssl_voc.metrics import score_matches
from ssl_voc.predict.config import DETECTOR_THRESHOLD
from ssl_voc.runs.json_files import to_json
from tests.box_reference import iou
from tests.evaluate.detection.cases import NAMES, build_photo, measure, random_case

CAT, DOG, HEN = range(3)
BOX, OTHER = (0, 0, 40, 40), (50, 40, 80, 70)


def outcomes_of_loops(photo, rows, threshold):
    """True, false and missed of one photo by VOC's rule, in plain loops."""
    claimed, true, false = set(), 0, 0
    for label, confidence, box in sorted(rows, key=lambda row: -row[1]):
        if confidence < threshold:
            continue
        overlaps = [
            iou(item.box, box) if item.name == NAMES[label] else 0.0
            for item in photo.objects
        ]
        best = int(np.argmax(overlaps)) if overlaps else -1
        if best < 0 or overlaps[best] <= 0.5:
            false += 1
        elif photo.objects[best].difficult:
            continue
        elif best in claimed:
            false += 1
        else:
            claimed.add(best)
            true += 1
    wanted = sum(not item.difficult for item in photo.objects)
    return true, false, wanted


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_outcomes_are_those_of_loops_over_photos(threshold):
    found = random_case()
    counts = count_outcomes(found, threshold)
    detections, confidence = found.matches.detections, found.matches.confidence
    for index, photo in enumerate(found.photos):
        rows = [
            (detections.classes[row], confidence[row], detections.boxes[row])
            for row in np.flatnonzero(detections.images == index)
        ]
        expected = outcomes_of_loops(photo, rows, threshold)
        parts = (counts.true, counts.false, counts.wanted)
        assert tuple(part[index].sum() for part in parts) == expected
    assert counts.true.sum() > 20 and counts.false.sum() > 20


def test_no_other_threshold_has_a_higher_f1():
    found = random_case()

    def f1(threshold):
        total = count_outcomes(found, threshold).sum()
        return 2 * total.true / (total.true + total.false + total.wanted)

    chosen = choose_confidence(found)
    best = max(f1(value) for value in found.matches.confidence)
    assert f1(chosen) == best
    figures = summarize(found)
    assert figures["f1"] == pytest.approx(best) and figures["threshold"] == chosen


def test_the_threshold_is_the_roundest_number_that_keeps_the_same_detections():
    photo = build_photo(0, Object("cat", BOX))
    high, low = np.float32(0.58403), np.float32(0.5802)
    found = measure([photo], [[(CAT, high, BOX), (DOG, low, BOX), (HEN, 0.1, BOX)]])
    chosen = choose_confidence(found)
    assert chosen == 0.584
    # As `predict` compares scores with what was typed.
    assert np.float32(low) < chosen <= np.float32(high)
    assert summarize(found)["threshold"] == chosen
    assert choose_confidence(measure([photo], [[(CAT, high, BOX)]])) == 0.5


def test_precision_and_recall_are_also_those_of_the_default_of_predict():
    photos = [build_photo(0, Object("cat", BOX), Object("dog", OTHER)), build_photo(1)]
    rows = [[(CAT, 0.9, BOX), (DOG, 0.2, OTHER)], [(HEN, 0.4, BOX)]]
    figures = summarize(measure(photos, rows))
    assert figures["threshold"] == 0.2 and figures["recall"] == 1.0
    default = figures["at_default"]
    assert default["threshold"] == DETECTOR_THRESHOLD == 0.3
    assert (default["precision"], default["recall"]) == (0.5, 0.5)
    assert default["precision_ci"][0] <= 0.5 <= default["precision_ci"][1]
    assert "default: precision 0.500 [" in format_detection(figures)


def test_detections_of_equal_confidence_are_kept_or_dropped_together():
    photos = [build_photo(0, Object("cat", BOX)), build_photo(1)]
    # Alone the first would have F1 1, but no threshold parts it from the other two.
    found = measure(photos, [[(CAT, 0.5, BOX)], [(CAT, 0.5, BOX), (DOG, 0.5, BOX)]])
    figures = summarize(found)
    assert figures["threshold"] == 0.5
    assert figures["precision"] == pytest.approx(1 / 3) and figures["recall"] == 1.0


def test_each_kind_of_mistake_is_told():
    photo = build_photo(0, Object("cat", BOX), Object("dog", OTHER))
    rows = [
        (CAT, 0.9, BOX),
        (CAT, 0.8, (0, 0, 40, 38)),  # again
        (HEN, 0.7, BOX),  # a cat
        (DOG, 0.6, (50, 40, 80, 50)),  # IoU 1/3
        (DOG, 0.5, (0, 60, 9, 69)),
    ]
    found = measure([photo], [rows])
    expected = ["", "duplicate", "class", "location", "background"]
    assert found.mistakes.tolist() == expected
    # The best threshold is the highest; the counts are of what is above it.
    figures = summarize(found)
    assert figures["mistakes"] == {**dict.fromkeys(expected[1:], 0), "missed": 1}
    assert "missed: 1 objects" in format_detection(figures)


def test_detection_on_a_difficult_object_is_no_mistake_and_no_hit():
    photos = [build_photo(0, Object("cat", BOX, difficult=True), Object("dog", OTHER))]
    found = measure(photos, [[(CAT, 0.9, BOX), (CAT, 0.8, BOX), (DOG, 0.7, OTHER)]])
    assert found.mistakes.tolist() == ["", "", ""]
    assert found.is_ignored.tolist() == [True, True, False]
    figures = summarize(found)
    assert figures["num_objects"] == figures["num_difficult"] == 1
    assert np.isnan(figures["per_class"]["cat"]["voc10_ap50"])
    assert figures["voc10_ap50"] == figures["precision"] == figures["recall"] == 1.0


def test_detections_that_are_nan_are_counted_and_left_out():
    photos = [build_photo(0, Object("cat", BOX)), build_photo(1)]
    nowhere, unsure = (CAT, 0.99, (np.nan, 0, 9, 9)), (CAT, np.nan, BOX)
    found = measure(photos, [[nowhere, (CAT, 0.9, BOX)], [unsure]])
    metrics = summarize(found)
    assert metrics["num_not_finite"] == 2 and metrics["num_detections"] == 1
    assert metrics["voc10_ap50"] == metrics["precision"] == 1.0


def test_nothing_detected_is_measured_and_drawn(tmp_path):
    found = measure([build_photo(0, Object("cat", BOX)), build_photo(1)], [[], []])
    metrics = summarize(found)
    for name in ("voc07_ap50", "voc10_ap50", "coco_ap", "corloc", "recall", "f1"):
        assert metrics[name] == 0.0, name
    assert metrics["num_detections"] == 0 and coco_results(found) == []
    assert json.loads(to_json(metrics))["precision"] is None
    curves = score_matches(found.matches, "voc10").curves
    draw_precision_recall(curves, metrics, tmp_path / "curves.png")
    draw_average_precision(metrics, tmp_path / "classes.png")
    draw_galleries(found, metrics["threshold"], tmp_path)
    assert len([*tmp_path.glob("*.png")]) == 2 + len(PICTURES)


def test_corloc_asks_the_most_confident_box_of_photos_with_objects():
    photos = [
        build_photo(0, Object("cat", BOX)),
        build_photo(1, Object("cat", BOX)),
        build_photo(2, Object("cat", BOX, difficult=True)),
        build_photo(3, Object("cat", BOX)),
        build_photo(4),
    ]
    detections = [
        [(DOG, 0.9, BOX), (CAT, 0.8, OTHER)],  # the class does not matter
        [(CAT, 0.8, BOX), (CAT, 0.9, OTHER)],
        [(CAT, 0.9, BOX)],
        [],
        [(CAT, 0.9, BOX)],
    ]
    values = corloc_of_photos(measure(photos, detections))
    np.testing.assert_array_equal(values, [1, 0, 1, 0, np.nan])


def test_sizes_are_shares_of_the_photo_and_count_their_own():
    small, large = Object("cat", (0, 0, 5, 5)), Object("cat", (20, 20, 70, 70))
    medium = Object("cat", (80, 0, 90, 10))
    photos = [build_photo(0, small, medium, large)]
    tiny_box = (90, 70, 94, 74)  # of nothing, and small itself
    found = measure(
        photos, [[(CAT, 0.9, tiny_box), (CAT, 0.8, small.box), (CAT, 0.7, large.box)]]
    )
    figures = summarize(found)["per_size"]
    assert [row["num_objects"] for row in figures.values()] == [1, 1, 1]
    assert [row["recall"] for row in figures.values()] == [1, 0, 1]
    # One of two detections is right when the small object is found.
    averages = [row["voc10_ap50"] for row in figures.values()]
    assert averages == pytest.approx([0.5, 0.0, 1.0])


def test_photos_without_objects_make_precision_worse_and_recall_no_better():
    photo, empty = build_photo(0, Object("cat", BOX)), build_photo(1)
    rows = [(CAT, 0.8, BOX)]
    alone = summarize(measure([photo], [rows]))
    beside = summarize(measure([photo, empty], [rows, [(CAT, 0.9, BOX)]]))
    assert alone["voc10_ap50"] == 1.0 and beside["voc10_ap50"] == 0.5
    assert beside["precision"] == 0.5 and beside["recall"] == 1.0
    assert beside["num_images"] == 2 and beside["num_without_objects"] == 1


def test_intervals_hold_the_figures_and_narrow_with_photos():
    widths = []
    for num_photos in (40, 160):
        figures = summarize(random_case(num_photos))
        for name in ("voc07_ap50", "voc10_ap50", "precision", "recall", "f1"):
            low, high = figures[f"{name}_ci"]
            assert low <= figures[name] <= high, name
        low, high = figures["recall_ci"]
        widths.append(high - low)
    assert widths[1] == pytest.approx(widths[0] / 2, rel=0.3)


def test_figures_of_classes_are_those_of_each_alone():
    found = random_case()
    figures = summarize(found)
    counts = count_outcomes(found, figures["threshold"])
    for number, name in enumerate(NAMES[:2]):
        row = figures["per_class"][name]
        true, false = counts.true[:, number].sum(), counts.false[:, number].sum()
        assert row["precision"] == pytest.approx(true / (true + false))
        assert row["recall"] == pytest.approx(true / row["num_objects"])
        low, high = row["precision_ci"]
        assert low < row["precision"] < high
    means = [figures["per_class"][name]["coco_ap"] for name in NAMES[:2]]
    assert figures["coco_ap"] == pytest.approx(np.mean(means))


def test_table_has_every_protocol_and_a_dash_where_json_is_null():
    figures = summarize(random_case())
    row = json.loads(to_json(figures))["per_class"]["hen"]
    assert row["num_objects"] == 0 and row["voc07_ap50"] is None
    assert row["voc07_ap50_ci"] == [None, None]
    text = format_detection(figures)
    lines = text.splitlines()
    (line,) = (line for line in lines if line.split()[:1] == ["hen"])
    # Objects, three averages, precision (of something that is not there), recall, F1.
    assert line.split() == ["hen", "0", "-", "-", "-", "0.000", "-", "0.000"]
    for name in ("VOC07 AP50", "VOC10 AP50", "COCO AP", "COCO AP75", "CorLoc"):
        # The figure, and what it means.
        assert sum(line.startswith(f"{name}  ") for line in lines) == 2, name
    assert "threshold" in text and "CHOSEN ON THESE PHOTOS" in text
    # Both senses of small say what they are.
    assert "area, small below 0.33 %" in text and "pixels" in text
    assert "small below 32 x 32" in text


def test_rows_of_images_tell_what_became_of_each_detection():
    photos = [
        build_photo(0),
        build_photo(1, Object("dog", OTHER, difficult=True), Object("cat", BOX)),
    ]
    rows = [(CAT, 0.9, BOX), (CAT, 0.4, BOX), (DOG, 0.3, OTHER)]
    found = measure(photos, [[], rows])
    empty, full = image_rows(found, 0.5)
    assert empty["objects"] == empty["detections"] == []
    assert (full["num_true"], full["num_false"], full["num_missed"]) == (1, 0, 0)
    assert [item["outcome"] for item in full["detections"]] == [
        "true",
        "false",
        "ignored",
    ]
    assert [item["object"] for item in full["detections"]] == [1, 1, 0]
    assert [item["difficult"] for item in full["objects"]] == [True, False]
