"""`python -m ssl_voc.evaluate` of a detector, whole: figures, files, refusals."""

import contextlib
import io
import pathlib
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

import pipelines
import ssl_voc
from ssl_voc.evaluate import EvaluateConfig, evaluate
from ssl_voc.evaluate.detection.gallery import PICTURES
from ssl_voc.evaluate.detection.run import Evaluation, limit_of_detections
from ssl_voc.runs.json_files import read_json
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
from tests.evaluate.oracle import NAMES, SIDE

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


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("detect") / "tree", TRAIN, VAL)


@pytest.fixture(scope="module")
def evaluated(tree):
    """Folder and metrics of an evaluation, and what it printed."""
    run = write_detection_run(tree.parent / "run", tree, Reciter(ANSWERS))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        metrics = evaluate(EvaluateConfig(run=run, split="val"))
    return run / "evaluation-val", metrics, printed.getvalue()


def evaluation_with(model, **attributes):
    """An `Evaluation` of which one method shall be asked."""
    evaluation = object.__new__(Evaluation)
    finished = SimpleNamespace(path=pathlib.Path("run"))
    vars(evaluation).update(model=model, finished=finished, **attributes)
    return evaluation


def test_known_predictions_give_known_figures(evaluated):
    out, metrics, printed = evaluated
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
    # From 0.3 on there is the duplicate, too.
    assert written["at_default"]["precision"] == pytest.approx(4 / 6)
    assert "at 0.3, predict's default: precision 0.667 [" in printed
    assert "wrong: 0 wrong class, 0 duplicate, 0 poor location, 1 background" in printed
    assert printed.rstrip().endswith("--threshold 0.6 --out FOUND")
    assert "VOC10 AP50     0.833  [" in printed and "CHOSEN ON THESE" in printed
    assert "1 without an object, kept" in printed
    assert str(out / "gallery_worst.png").rpartition("_")[2] in printed


def test_predictions_are_coco_results_in_pixels_of_the_photos(evaluated):
    rows = read_json(evaluated[0] / "predictions.json")
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


def test_every_picture_shows_something(evaluated):
    names = ["per_class", "precision_recall", "confusion_matrix"]
    names += [f"gallery_{name}" for name in PICTURES]
    for name in names:
        with Image.open(evaluated[0] / f"{name}.png") as picture:
            pixels = np.asarray(picture.convert("RGB"))
        assert min(pixels.shape[:2]) > 200, name
        # At least one pixel in a hundred is no background.
        assert np.mean(np.any(pixels < 250, axis=-1)) > 0.01, name


def test_limit_of_detections_is_told_with_the_confidence_that_may_be_cut():
    predicted = {
        "classes": np.array([[0, 1], [2, -1], [0, 0]]),
        "confidence": np.array([[0.95, 0.6], [0.9, -1], [0.9, 0.5]]),
    }
    assert limit_of_detections(predicted) == {
        "max_detections": 2,
        "num_at_limit": 2,
        "confidence_at_limit": 0.6,
    }


def test_summary_tells_what_spoils_the_measures(evaluated):
    metrics = {
        **evaluated[1],
        "max_detections": 2,
        "num_at_limit": 7,
        "confidence_at_limit": 0.6,
        "num_not_finite": 3,
        "num_leaked": 4,
        "unknown_classes": ["cow"],
        "num_unknown_boxes": 5,
    }
    evaluation = evaluation_with(
        None,
        folder=SimpleNamespace(path=pathlib.Path("out")),
        pool=SimpleNamespace(photos=SimpleNamespace(name="set")),
        config=SimpleNamespace(split="val", tta=False),
    )
    lines = evaluation.format_summary(metrics).splitlines()
    told = {line.split()[0]: line for line in lines[2:7]}
    assert set(told) == {"1", "3", "4", "5", "7"}
    assert "0.600" in told["7"] and "NaN" in told["3"] and "cow" in told["5"]


@pytest.mark.parametrize(("known", "label"), [(5, 1), (3, 4)])
def test_classes_are_those_that_the_model_claims_or_answers(known, label):
    pool = SimpleNamespace(class_names=NAMES)
    evaluation = evaluation_with(Reciter(ANSWERS, num_classes=known), pool=pool)
    assert evaluation.count_classes({"classes": np.array([[label, -1]])}) == 5


@pytest.mark.usefixtures("sheets", "figures")  # which are not looked at
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
    model.run_eagerly = True  # quick for a single prediction
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
