"""From predictions to figures, tables and rows, against loops and arithmetic."""

import dataclasses
import json

import numpy as np
import pytest

from pipelines.photos.photo import Object, OriginalIds, Photos
from ssl_voc.evaluate.localization import measures as localization
from ssl_voc.evaluate.localization.image_measures import read_image_measures
from ssl_voc.evaluate.localization.table import format_localization
from ssl_voc.metrics import paired_bootstrap
from ssl_voc.runs.json_files import to_json
from tests.box_reference import iou
from tests.evaluate.detection.cases import NAMES
from tests.evaluate.detection.cases import build_photo as photo


def measured(photos, labels, boxes, names=NAMES):
    scores = np.where(np.arange(len(names)) == np.array(labels)[:, None], 0.8, 0.1)
    return localization.measure_localizations(
        Photos(photos, "set"), names, scores, boxes
    )


def random_case(num_photos=60, seed=0):
    random = np.random.default_rng(seed)
    photos = []
    for number in range(num_photos):
        start = random.uniform(0, 50, 2)
        end = start + random.uniform(4, 30, 2)
        name = NAMES[random.integers(2)]  # no hen
        cut = bool(random.integers(2))
        photos.append(photo(number, Object(name, (*start, *end), truncated=cut)))
    boxes = np.array([item.objects[0].box for item in photos])
    boxes = np.clip(boxes + random.normal(0, 4, boxes.shape), 0, [100, 80, 100, 80])
    return measured(photos, random.integers(0, 3, num_photos), boxes)


def test_figures_are_the_means_of_loops_over_photos():
    found = random_case()
    figures = localization.summarize(found)
    ious = [
        iou(item.objects[0].box, box)
        for item, box in zip(found.photos, found.boxes_pred, strict=True)
    ]
    right = [
        item.objects[0].name == NAMES[np.argmax(row)]
        for item, row in zip(found.photos, found.scores, strict=True)
    ]
    assert figures["mean_iou"] == pytest.approx(np.mean(ious))
    assert figures["loc_acc_70"] == pytest.approx(np.mean([v > 0.7 for v in ious]))
    assert figures["top1"] == pytest.approx(np.mean(right))
    low, high = figures["mean_iou_ci"]
    assert low < figures["mean_iou"] < high
    # The spread that the central limit theorem expects of so many photos.
    assert high - low == pytest.approx(2 * 1.96 * np.std(ious) / np.sqrt(60), rel=0.1)


@pytest.mark.parametrize("key", ["per_class", "per_size", "truncated"])
def test_groups_weighted_by_their_photos_give_the_whole(key):
    figures = localization.summarize(random_case())
    rows = figures[key].values()
    assert sum(row["num_images"] for row in rows) == figures["num_images"] == 60
    for name in ("top1", "mean_iou", "loc_acc_50"):
        total = sum(row["num_images"] * row[name] for row in rows if row["num_images"])
        assert total / 60 == pytest.approx(figures[name])


def test_groups_are_by_true_class_size_and_truncation():
    small = Object("cat", (0, 0, 5, 5))  # 25 of 8,000 pixels: below 0.33 %
    medium = Object("dog", (0, 0, 10, 10), truncated=True)  # 1.25 %
    large = Object("cat", (0, 0, 50, 50))  # 31 %
    photos = [photo(number, item) for number, item in enumerate((small, medium, large))]
    boxes = [item.objects[0].box for item in photos]
    # Only the medium dog is found, and its class is mistaken.
    found = measured(photos, [0, 0, 0], np.array([boxes[2], boxes[1], boxes[0]]))
    figures = localization.summarize(found)
    counts = {key: row["num_images"] for key, row in figures["per_class"].items()}
    assert counts == {"cat": 2, "dog": 1, "hen": 0}
    assert figures["per_class"]["dog"]["top1"] == 0.0
    assert figures["per_class"]["dog"]["mean_iou"] == 1.0
    assert [row["loc_acc_50"] for row in figures["per_size"].values()] == [0, 1, 0]
    assert figures["truncated"]["truncated"]["mean_iou"] == 1.0
    assert figures["truncated"]["whole"]["num_images"] == 2


def test_class_without_photos_is_null_in_json_and_a_dash_in_the_table():
    figures = localization.summarize(random_case())
    row = json.loads(to_json(figures))["per_class"]["hen"]
    assert row["num_images"] == 0
    assert row["top1"] is None and row["mean_iou_ci"] == [None, None]
    (line,) = (
        line
        for line in format_localization(figures).splitlines()
        if line.split()[:1] == ["hen"]
    )
    assert line.split() == ["hen", "0", *"-----"]


def test_corloc_counts_any_object_and_the_others_the_main_one_alone():
    main, other = Object("cat", (0, 0, 40, 40)), Object("dog", (50, 40, 80, 70))
    hidden = Object("dog", (60, 0, 99, 39), difficult=True)
    photos = [photo(number, main, other, hidden) for number in range(4)]
    nowhere = (90, 70, 100, 80)
    boxes = np.array([main.box, other.box, hidden.box, nowhere], "float64")
    found = measured(photos, [0, 0, 0, 0], boxes)
    assert found.measures["loc_acc_50"].tolist() == [1, 0, 0, 0]
    assert found.measures["corloc"].tolist() == [1, 1, 1, 0]


def test_baseline_is_the_majority_class_and_the_whole_photo():
    half = Object("cat", (0, 0, 100, 60))  # 6,000 of 8,000 pixels
    less = Object("dog", (0, 0, 100, 20))  # 2,000
    photos = [photo(0, half), photo(1, half), photo(2, half), photo(3, less)]
    # What the model predicts does not matter.
    found = measured(photos, [2, 2, 2, 2], np.zeros((4, 4)))
    baseline = localization.summarize(found)["baseline"]
    assert baseline["top1"] == 3 / 4
    assert baseline["mean_iou"] == pytest.approx((3 * 0.75 + 0.25) / 4)
    assert baseline["loc_acc_50"] == baseline["loc_acc_70"] == 3 / 4


def test_confusions_have_true_classes_in_rows_and_three_classes_no_top3():
    photos = [photo(n, Object("dog", (0, 0, 9, 9))) for n in range(3)]
    found = measured(photos, [1, 2, 2], np.zeros((3, 4)))
    expected = [[0, 0, 0], [0, 1, 2], [0, 0, 0]]
    assert localization.count_confusions(found).tolist() == expected
    figures = localization.summarize(found)
    assert len(NAMES) == 3
    assert "top3" not in figures and "top3" not in figures["protocol"]
    assert "top-3" not in format_localization(figures)


def test_rows_of_images_come_back_for_a_paired_comparison(tmp_path):
    found, other = random_case(), random_case()
    other.measures["mean_iou"] = other.measures["mean_iou"] - 0.125
    other.measures["top1"][3] = np.nan
    measures = []
    for name, case in (("a", found), ("b", other)):
        (tmp_path / name).mkdir()
        rows = "".join(to_json(row) + "\n" for row in localization.image_rows(case))
        (tmp_path / name / "images.jsonl").write_text(rows)
        keys, values = read_image_measures(tmp_path / name)
        assert keys == [("set", f"p{number}") for number in range(60)]
        measures.append(values)
    assert list(measures[0]) == list(found.measures)
    np.testing.assert_array_equal(measures[1]["top1"], other.measures["top1"])
    difference = paired_bootstrap(measures[0]["mean_iou"], measures[1]["mean_iou"])
    assert difference.mean == pytest.approx(0.125)
    assert difference.high - difference.low < 1e-12


def test_predictions_that_are_no_numbers_hit_nothing_and_stay_json():
    photos = [photo(0, Object("cat", (0, 0, 100, 80)))]
    found = localization.measure_localizations(
        Photos(photos, "set"), NAMES, np.full((1, 3), np.nan), np.full((1, 4), np.nan)
    )
    assert all(values.tolist() == [0.0] for values in found.measures.values())
    (row,) = json.loads(to_json(localization.coco_results(found)))
    assert row["bbox"] == [None] * 4 and row["score"] is None


def test_predictions_have_the_ids_of_the_one_json_that_annotates_the_photos():
    ids = {"cat": 18, "dog": "d"}
    photos = [
        dataclasses.replace(
            photo(number, Object("cat", (0, 0, 100, 80))),
            original_ids=OriginalIds(name, 500 + number, ids),
        )
        for number, name in enumerate(["a.json", "a.json", "b.json"])
    ]

    def rows(photos):
        scores = np.eye(3)[: len(photos)]
        boxes = np.zeros((len(photos), 4))
        found = localization.measure_localizations(
            Photos(photos, "set"), NAMES, scores, boxes
        )
        return [
            (row["image_id"], row["category_id"], row.get("image_name"))
            for row in localization.coco_results(found)
        ]

    own = [photo.image_id for photo in photos]
    assert rows(photos[:2]) == [(500, 18, own[0]), (501, "d", own[1])]
    assert rows(photos) == [(own[n], n, None) for n in range(3)]
    plain = dataclasses.replace(photos[1], original_ids=None)
    assert rows([photos[0], plain]) == [(own[0], 0, None), (own[1], 1, None)]
