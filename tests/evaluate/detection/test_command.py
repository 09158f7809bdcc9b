"""`python -m ssl_voc.evaluate` of a detector, whole: figures, files, refusals."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

import pipelines
import ssl_voc
from ssl_voc.evaluate import EvaluateConfig, evaluate, main
from ssl_voc.evaluate.detection import run as detection_run
from ssl_voc.evaluate.detection.gallery import PICTURES
from tests.evaluate.detection_oracle import (
    Reciter,
    detected,
    write_detection_run,
    write_scenes,
)
from tests.evaluate.oracle import NAMES, SIDE, record

RED, GREEN, BLUE = range(3)
LEFT, RIGHT, LOW = (8, 12, 32, 44), (36, 12, 60, 40), (12, 46, 56, 60)
TRAIN = [[("red", LEFT, False)], [("green", RIGHT, False)], [("blue", LOW, False)]]
VAL = [
    [("red", LEFT, False)],
    [("red", LEFT, False), ("green", RIGHT, False)],
    [],
    [("green", LEFT, True), ("green", RIGHT, False)],
    [("blue", LOW, False)],
]
ANSWERS = {
    3: [detected(RED, 0.9, LEFT)],
    4: [detected(RED, 0.8, LEFT)],  # green is missed
    5: [detected(RED, 0.7, RIGHT)],  # on a photo without objects
    6: [detected(GREEN, 0.95, LEFT), detected(GREEN, 0.6, RIGHT)],  # first: difficult
    7: [detected(BLUE, 0.9, LOW), detected(BLUE, 0.5, LOW, shift=1)],  # a duplicate
}


@pytest.fixture
def tree(tmp_path):
    return write_scenes(tmp_path / "tree", TRAIN, VAL)


@pytest.fixture
def without_pictures(monkeypatch):
    """They take most of the time, and other tests look at them."""
    for name in (
        "draw_average_precision",
        "draw_precision_recall",
        "draw_detection_confusions",
        "draw_galleries",
    ):
        monkeypatch.setattr(detection_run, name, lambda *arguments: None)


def run_of(tmp_path, tree, answers=ANSWERS, **arguments):
    return write_detection_run(tmp_path / "run", tree, Reciter(answers, **arguments))


def read_json(path):
    return json.loads(path.read_text())


def test_known_predictions_give_known_figures(tmp_path, tree, capsys):
    run = run_of(tmp_path, tree)
    metrics = evaluate(EvaluateConfig(run=run, split="val"))
    out = run / "evaluation-val"
    assert metrics["num_images"] == 5 and metrics["num_without_objects"] == 1
    assert metrics["num_objects"] == 5 and metrics["num_difficult"] == 1
    assert metrics["num_detections"] == 7
    for name in ("num_leaked", "num_not_finite", "num_skipped", "num_at_limit"):
        assert metrics[name] == 0, name
    # Red and blue come before any mistake; of green one of two is found, so that 6 of
    # 11 recalls are reached, or 51 of 101.
    averages = {"voc07_ap50": 6 / 11, "voc10_ap50": 1 / 2, "coco_ap50": 51 / 101}
    for name, green in averages.items():
        assert metrics[name] == pytest.approx((1 + green + 1) / 3), name
        rows = [metrics["per_class"][key][name] for key in NAMES]
        assert rows == pytest.approx([1, green, 1]), name
    assert metrics["coco_ap"] == pytest.approx((2 + 51 / 101) / 3)
    assert metrics["corloc"] == 1.0
    # From 0.6 on: 4 right, 1 wrong, 1 missed; F1 0.8, and at 0.8 only 0.75.
    assert metrics["threshold"] == pytest.approx(0.6)
    for name in ("precision", "recall", "f1"):
        assert metrics[name] == pytest.approx(0.8), name
    for name in ("voc07_ap50", "voc10_ap50", "precision", "recall", "f1", "corloc"):
        low, high = metrics[f"{name}_ci"]
        assert 0 <= low <= metrics[name] <= high <= 1, name
    assert metrics["mistakes"] == {
        "class": 0,
        "duplicate": 0,
        "location": 0,
        "background": 1,
        "missed": 1,
    }
    assert metrics["task"] == "detect"
    written = read_json(out / "metrics.json")
    assert written["voc07_ap50"] == metrics["voc07_ap50"]
    assert read_json(out / "summary.json")["coco_ap"] == metrics["coco_ap"]
    printed = capsys.readouterr().out
    assert "VOC10 AP50     0.833  [" in printed and "CHOSEN ON THESE" in printed
    assert "1 without an object, kept" in printed
    assert str(out / "gallery_worst.png").rpartition("_")[2] in printed


@pytest.mark.usefixtures("without_pictures")
def test_predictions_are_coco_results_in_pixels_of_the_photos(tmp_path, tree):
    run = run_of(tmp_path, tree)
    evaluate(EvaluateConfig(run=run, split="val"))
    rows = read_json(run / "evaluation-val/predictions.json")
    expected = [
        ("p03", RED, 0.9, LEFT),
        ("p04", RED, 0.8, LEFT),
        ("p05", RED, 0.7, RIGHT),
        ("p06", GREEN, 0.95, LEFT),
        ("p06", GREEN, 0.6, RIGHT),
        ("p07", BLUE, 0.9, LOW),
        # A pixel of the square is two of the photo, which is 64 high and wide 64 to 96.
        ("p07", BLUE, 0.5, (14, 48, 58, 62)),
    ]
    assert [(row["image_id"], row["category_id"]) for row in rows] == [
        row[:2] for row in expected
    ]
    assert [row["score"] for row in rows] == pytest.approx([row[2] for row in expected])
    for row, (*_, (x1, y1, x2, y2)) in zip(rows, expected, strict=True):
        assert row["bbox"] == [x1, y1, x2 - x1, y2 - y1]


def test_every_picture_shows_something(tmp_path, tree):
    run = run_of(tmp_path, tree)
    evaluate(EvaluateConfig(run=run, split="val"))
    names = ["per_class", "precision_recall", "confusion_matrix"]
    names += [f"gallery_{name}" for name in PICTURES]
    for name in names:
        with Image.open(run / f"evaluation-val/{name}.png") as picture:
            pixels = np.asarray(picture.convert("RGB"))
        assert min(pixels.shape[:2]) > 200, name
        # At least one pixel in a hundred is no background.
        assert np.mean(np.any(pixels < 250, axis=-1)) > 0.01, name


def test_model_that_finds_nothing_is_measured(tmp_path, tree):
    run = run_of(tmp_path, tree, answers={})
    metrics = evaluate(EvaluateConfig(run=run, split="val"))
    for name in ("voc07_ap50", "voc10_ap50", "coco_ap", "corloc", "recall", "f1"):
        assert metrics[name] == 0.0, name
    assert metrics["num_detections"] == 0 and np.isnan(metrics["precision"])
    assert read_json(run / "evaluation-val/predictions.json") == []
    assert read_json(run / "evaluation-val/metrics.json")["precision"] is None


@pytest.mark.usefixtures("without_pictures")
def test_photos_with_as_many_detections_as_the_model_may_give_are_told(
    tmp_path, tree, capsys
):
    run = run_of(tmp_path, tree, max_detections=2)
    metrics = evaluate(EvaluateConfig(run=run, split="val"))
    assert (metrics["max_detections"], metrics["num_at_limit"]) == (2, 2)
    # Of 0.95 and 0.6, and of 0.9 and 0.5.
    assert metrics["confidence_at_limit"] == pytest.approx(0.6)
    printed = capsys.readouterr().out
    assert "2 with 2 detections, as many as the model gives" in printed
    assert "of confidence up to 0.600" in printed


@pytest.mark.usefixtures("without_pictures")
def test_detections_that_are_no_numbers_are_counted_and_left_out(
    tmp_path, tree, capsys
):
    nan = (RED, 0.99, float("nan"), 0, 9, 9)
    unsure = (RED, float("nan"), 0, 0, 9, 9)
    answers = {**ANSWERS, 3: [nan, *ANSWERS[3]], 5: [unsure, *ANSWERS[5]]}
    run = run_of(tmp_path, tree, answers)
    metrics = evaluate(EvaluateConfig(run=run, split="val"))
    assert metrics["num_not_finite"] == 2 and metrics["num_detections"] == 7
    assert metrics["voc10_ap50"] == pytest.approx(2.5 / 3)
    assert "2 WITH PREDICTIONS THAT ARE NO NUMBERS" in capsys.readouterr().out


def test_weights_that_are_no_numbers_are_refused(tmp_path, tree, capsys):
    model = Reciter(ANSWERS)
    model.bias.assign(float("nan"))
    run = write_detection_run(tmp_path / "run", tree, model)
    assert main([str(run), "--split=val"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: RUN: ") and "weights that are no numbers" in line


@pytest.mark.parametrize(("known", "scored"), [(2, 2), (4, 4), (3, 5)])
def test_model_of_other_classes_than_the_manifest_is_refused(
    tmp_path, tree, capsys, known, scored
):
    # Of (3, 5), the model claims three classes and answers the fifth.
    answers = {3: [detected(scored - 1, 0.9, LEFT)]}
    run = run_of(tmp_path, tree, answers, num_classes=known)
    assert main([str(run), "--split=val"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert f"scores {scored} classes, but manifest.json names 3" in line
    assert not (run / "evaluation-val/metrics.json").exists()


@pytest.mark.usefixtures("without_pictures")
def test_photos_that_were_seen_are_refused_or_counted(tmp_path, tree, capsys):
    run = run_of(tmp_path, tree)
    record(run / "validation_photos.tsv", pipelines.read(str(tree), "val")[:2])
    assert main([str(run), "--split", "val"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: --split: 2 of the 5 photos were seen")
    assert main([str(run), "--split", "val", "--allow-leakage"]) == 0
    assert read_json(run / "evaluation-val/metrics.json")["num_leaked"] == 2


@pytest.mark.usefixtures("without_pictures")
def test_photos_that_the_run_held_out_are_evaluated_the_empty_one_included(
    tmp_path, tree
):
    run = run_of(tmp_path, tree)
    record(run / "held_out_photos.tsv", pipelines.read(str(tree), "val")[1:3])
    for name in ("train", "val"):
        (tree / f"ImageSets/Main/{name}.txt").unlink()
    metrics = evaluate(EvaluateConfig(run=run))
    assert (metrics["num_images"], metrics["num_without_objects"]) == (2, 1)
    rows = read_json(run / "evaluation-held-out/predictions.json")
    assert [row["image_id"] for row in rows] == ["p04", "p05"]


def test_photos_without_any_object_are_refused_in_one_line(tmp_path, capsys):
    tree = write_scenes(tmp_path / "tree", TRAIN, [[], []])
    run = run_of(tmp_path, tree)
    assert main([str(run), "--split=val"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "no usable box in its 2 readable photos" in line


@pytest.mark.usefixtures("without_pictures")
def test_a_detector_that_was_saved_is_evaluated(tmp_path, tree):
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((SIDE, SIDE, 3))
    for _ in range(5):  # strides 2 to 32
        x = keras.layers.Conv2D(8, 3, 2, padding="same", activation="relu")(x)
    model = ssl_voc.Detector(
        keras.Model(inputs, x),
        len(NAMES),
        bounding_box_format="rel_yxyx",
        channels=8,
        num_layers=1,
        score_threshold=0.001,
        max_detections=5,
    )
    model.build()
    run = write_detection_run(tmp_path / "run", tree, model)
    metrics = evaluate(EvaluateConfig(run=run, split="val", batch_size=2))
    assert metrics["max_detections"] == 5 and metrics["num_detections"] > 0
    pool = pipelines.prepare_labeled(
        str(tree), SIDE, split="val", class_names=NAMES, cache="none"
    )
    predicted = model.predict(pool.gather(range(len(VAL)))["images"], verbose=0)
    rows = iter(read_json(run / "evaluation-val/predictions.json"))
    for photo, corners, labels in zip(
        pool.photos, predicted["boxes"], predicted["classes"], strict=True
    ):
        for (y1, x1, y2, x2), label in zip(corners, labels, strict=True):
            if label < 0:
                continue
            row = next(rows)
            assert (row["image_id"], row["category_id"]) == (photo.image_id, label)
            # Photos are 96 pixels long, and end where they end.
            box = np.clip(
                96 * np.array([x1, y1, x2, y2]), 0, [photo.width, photo.height] * 2
            )
            x, y, width, height = row["bbox"]
            np.testing.assert_allclose((x, y, x + width, y + height), box, atol=0.03)
    assert next(rows, None) is None
