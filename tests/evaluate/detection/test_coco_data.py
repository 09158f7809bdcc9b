"""`python -m ssl_voc.evaluate` of a detector on the user's own COCO json."""

import contextlib
import io
import json

import pytest
from faster_coco_eval import COCO, COCOeval_faster

import pipelines
from ssl_voc.cli.errors import BadInput
from ssl_voc.evaluate import EvaluateConfig, evaluate
from ssl_voc.predict.config import DETECTOR_THRESHOLD
from tests.evaluate.detection_oracle import (
    BLUE,
    GREEN,
    LEFT,
    LOW,
    RED,
    RIGHT,
    TRAIN,
    Reciter,
    detected,
    write_detection_run,
    write_scenes,
)

VAL = [
    [("red", LEFT, False), ("green", RIGHT, False)],
    [("green", RIGHT, False)],
    [("blue", LOW, False), ("red", LEFT, False)],
]
PERFECT = {
    3: [detected(RED, 0.9, LEFT), detected(GREEN, 0.8, RIGHT)],
    4: [detected(GREEN, 0.9, RIGHT)],
    5: [detected(BLUE, 0.9, LOW), detected(RED, 0.7, LEFT)],
}
ERRING = {
    **PERFECT,
    4: [detected(BLUE, 0.95, RIGHT), detected(GREEN, 0.4, RIGHT, shift=1)],
}
CATEGORY_IDS = {"green": 3, "red": 90, "blue": 7}
# Their pictures, which take most of an evaluation, are not looked at.
without_pictures = pytest.mark.usefixtures("sheets", "figures")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("coco") / "tree", TRAIN, VAL)


@pytest.fixture
def write_json(tree):
    """Returns `write_json(name, annotations, category_ids)` of the tree's val photos.

    `annotations(image_id, photo)` gives those of a photo.
    """

    def write_json(name, annotations, category_ids=CATEGORY_IDS):
        photos = pipelines.read(str(tree), "val")
        rows = []
        for number, photo in enumerate(photos):
            rows += annotations(5000 + number, photo)
        content = {
            "images": [
                {
                    "id": 5000 + number,
                    "file_name": photo.path_name.rpartition("/")[2],
                    "width": photo.width,
                    "height": photo.height,
                }
                for number, photo in enumerate(photos)
            ],
            "annotations": [{"id": n, **row} for n, row in enumerate(rows, start=1)],
            "categories": [{"id": i, "name": n} for n, i in category_ids.items()],
        }
        path = tree / f"{name}.json"
        path.write_text(json.dumps(content))
        return path

    return write_json


def all_objects(image_id, photo):
    return [
        {
            "image_id": image_id,
            "category_id": CATEGORY_IDS[item.name],
            "bbox": [
                *item.box[:2],
                item.box[2] - item.box[0],
                item.box[3] - item.box[1],
            ],
            "area": item.area,
            "iscrowd": 0,
        }
        for item in photo.objects
    ]


def evaluated(tree, path, answers):
    """Metrics, folder and what was printed."""
    run = write_detection_run(path.with_suffix(".run"), tree, Reciter(answers))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        metrics = evaluate(EvaluateConfig(run=run, data=(str(path),)))
    return metrics, run / f"evaluation-{path.stem}", printed.getvalue()


@without_pictures
@pytest.mark.parametrize("answers", [PERFECT, ERRING])
def test_predictions_load_beside_their_json_and_give_its_figures(
    answers, tree, write_json
):
    path = write_json(f"ids{len(answers[4])}", all_objects)
    metrics, out, _ = evaluated(tree, path, answers)
    truth = COCO(str(path))
    found = COCOeval_faster(truth, truth.loadRes(str(out / "predictions.json")), "bbox")
    found.evaluate()
    found.accumulate()
    with contextlib.redirect_stdout(io.StringIO()):
        found.summarize()
    assert metrics["coco_ap"] == pytest.approx(found.stats[0])
    assert (metrics["coco_ap"] == pytest.approx(1.0)) == (answers is PERFECT)
    row = json.loads((out / "predictions.json").read_text())[0]
    assert (row["image_id"], row["image_name"]) == (5000, "p03")
    assert (row["category_id"], row["category_name"]) == (90, "red")
    assert '"image_id": "p03"' in (out / "images.jsonl").read_text()


@without_pictures
def test_class_that_the_json_lacks_has_an_id_of_no_category(tree, write_json):
    ids = {name: number for name, number in CATEGORY_IDS.items() if name != "blue"}

    def known(image_id, photo):
        rows = all_objects(image_id, photo)
        return [row for row in rows if row["category_id"] in ids.values()]

    path = write_json("lacking", known, ids)
    _, out, _ = evaluated(tree, path, PERFECT)
    rows = json.loads((out / "predictions.json").read_text())
    found = {row["category_name"]: row["category_id"] for row in rows}
    assert found == {**ids, "blue": -1 - BLUE}


@without_pictures
def test_perfect_detector_has_ap_1_where_boxes_are_doubled(tree, write_json):
    def doubled(image_id, photo):
        rows = all_objects(image_id, photo)
        x, y, width, height = rows[0]["bbox"]
        nearly = {**rows[0], "bbox": [x, y, width + 0.5, height]}
        return [*rows, *rows, nearly]

    path = write_json("doubled", doubled)
    metrics, out, printed = evaluated(tree, path, PERFECT)
    for name in ("voc07_ap50", "voc10_ap50", "coco_ap", "recall", "precision"):
        assert metrics[name] == pytest.approx(1.0), name
    assert metrics["num_objects"] == 5
    told = "8 x box dropped: repeats another"
    assert told in printed and told in (out / "data_report.txt").read_text()


def test_photos_without_objects_only_give_false_alarms_by_confidence(tree, write_json):
    path = write_json("clean", lambda image_id, photo: [])
    answers = {
        3: [detected(RED, 0.95, LEFT), detected(RED, 0.55, RIGHT)],
        4: [detected(BLUE, 0.55, RIGHT)],
    }
    metrics, out, printed = evaluated(tree, path, answers)
    expected = {"0.05": (3, 1.0, 2), "0.5": (3, 1.0, 2), "0.6": (1, 1 / 3, 1)}
    for confidence, (number, per_photo, num_photos) in expected.items():
        row = metrics["false_alarms"][confidence]
        assert (row["num_false"], row["num_photos"]) == (number, num_photos)
        assert row["per_photo"] == pytest.approx(per_photo)
        low, high = row["per_photo_ci"]
        assert low <= per_photo <= high
    written = json.loads((out / "metrics.json").read_text())
    assert written["false_alarms"] == metrics["false_alarms"]
    assert "null" not in json.dumps(written["false_alarms"])
    lines = printed.splitlines()
    (line,) = [line for line in lines if line.startswith("0.6 or more")]
    assert line.split()[3:5] == ["1", "0.333"] and line.endswith("1 of 3")
    assert len(json.loads((out / "predictions.json").read_text())) == 3
    assert (out / "gallery_mistakes.png").is_file()
    assert printed.rstrip().endswith(f"--threshold {DETECTOR_THRESHOLD} --out FOUND")


def test_photos_whose_objects_cannot_be_used_are_not_taken_for_empty(tree, write_json):
    ids = {name.upper(): number for name, number in CATEGORY_IDS.items()}
    path = write_json("capitals", all_objects, ids)
    with pytest.raises(BadInput, match="no usable box.*'RED' is not among"):
        evaluated(tree, path, PERFECT)


def test_photos_that_nobody_annotated_are_not_taken_for_empty(tree, write_json):
    path = write_json("unannotated", lambda image_id, photo: [])
    content = json.loads(path.read_text())
    del content["annotations"]
    path.write_text(json.dumps(content))
    with pytest.raises(BadInput, match="no usable box|annotation that can be used"):
        evaluated(tree, path, PERFECT)
    run = path.with_suffix(".run")
    with pytest.raises(BadInput, match="no usable box|annotation that can be used"):
        evaluate(EvaluateConfig(run=run, data=(str(tree / "JPEGImages"),)))
