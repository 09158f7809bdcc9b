"""`python -m ssl_voc.evaluate`, whole: what it measures, writes and refuses."""

import json

import numpy as np
import pytest
from PIL import Image

import pipelines
import ssl_voc
from ssl_voc.cli.errors import BadInput
from ssl_voc.evaluate import EvaluateConfig, evaluate, main
from tests import tiny
from tests.box_reference import iou
from tests.evaluate.oracle import (
    NAMES,
    NUM_TRAIN,
    NUM_VAL,
    SIDE,
    SIZES,
    Oracle,
    annotation,
    box_of,
    record,
    write_run,
    write_tree,
)


@pytest.fixture
def tree(tmp_path):
    return write_tree(tmp_path / "tree")


@pytest.fixture
def run(tmp_path, tree):
    return write_run(tmp_path / "run", tree)


def read_json(path):
    return json.loads(path.read_text())


def test_model_that_sees_gets_everything_right_in_pixels_of_the_photos(run, capsys):
    metrics = evaluate(EvaluateConfig(run=run, split="val"))
    out = run / "evaluation-val"
    assert metrics["num_images"] == NUM_VAL
    for name in ("top1", "top3", "mean_iou", "loc_acc_50", "loc_acc_70", "corloc"):
        assert metrics[name] == pytest.approx(1.0), name
        assert metrics[f"{name}_ci"] == pytest.approx([1.0, 1.0])
        assert name in metrics["protocol"]
    expected = [
        {
            "image_id": f"p{number:02}",
            "category_id": number % 3,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
        }
        for number in range(NUM_TRAIN, NUM_TRAIN + NUM_VAL)
        for x1, y1, x2, y2 in [box_of(number)]
    ]
    rows = read_json(out / "predictions.json")
    assert all(row.pop("score") > 0.99 for row in rows)
    assert rows == expected
    for name in ("per_class", "confusion_matrix", *galleries()):
        with Image.open(out / f"{name}.png") as picture:
            assert picture.width > 300
    assert (out / "skipped.txt").read_text() == ""
    assert "0 of 6 evaluation photos" in (out / "data_report.txt").read_text()
    printed = capsys.readouterr().out
    assert "mean IoU       1.000  [1.000, 1.000]" in printed
    assert str(out / "metrics.json") in printed


def galleries():
    return ("gallery_best", "gallery_worst", "gallery_confusing")


def test_written_metrics_are_those_of_loops_over_the_written_predictions(
    tmp_path, tree
):
    run = write_run(tmp_path / "beside", tree, Oracle(shift=3.0))
    out = tmp_path / "figures"
    # The last batch is short.
    assert main([str(run), "--split=val", f"--out={out}", "--batch-size=4"]) == 0
    metrics = read_json(out / "metrics.json")
    ious = []
    for number, row in enumerate(read_json(out / "predictions.json"), NUM_TRAIN):
        x, y, width, height = row["bbox"]
        # Three pixels of the square are six of the photo.
        assert (x, y) == tuple(6 + corner for corner in box_of(number)[:2])
        ious.append(iou(box_of(number), (x, y, x + width, y + height)))
    assert 0.3 < np.mean(ious) < 0.9
    assert metrics["mean_iou"] == pytest.approx(np.mean(ious), abs=1e-4)
    assert metrics["loc_acc_50"] == np.mean([value > 0.5 for value in ious])
    low, high = metrics["mean_iou_ci"]
    assert low < metrics["mean_iou"] < high
    rows = map(json.loads, (out / "images.jsonl").read_text().splitlines())
    assert [row["mean_iou"] for row in rows] == pytest.approx(ious, abs=1e-4)
    assert read_json(out / "summary.json")["mean_iou"] == metrics["mean_iou"]


def test_a_localizer_that_was_saved_is_evaluated(tmp_path, tree):
    model = ssl_voc.Localizer(tiny.build_backbone(SIDE), len(NAMES))
    model.build()
    run = write_run(tmp_path / "localizer", tree, model)
    out = tmp_path / "out"
    metrics = evaluate(EvaluateConfig(run=run, split="val", out=out))
    pool = pipelines.prepare_labeled(
        str(tree), SIDE, split="val", class_names=NAMES, cache="none"
    )
    predicted = model.predict(pool.gather(range(NUM_VAL))["images"], verbose=0)
    rows = read_json(out / "predictions.json")
    # Photos of 96 pixels in squares of 48.
    corners = [(x, y, x + w, y + h) for x, y, w, h in (row["bbox"] for row in rows)]
    for found, box, (width, height) in zip(
        corners, predicted["boxes"][:, 0], SIZES * 3, strict=True
    ):
        expected = np.clip(2 * box, 0, [width, height] * 2)
        np.testing.assert_allclose(found, expected, atol=0.02)
    labels = [row["category_id"] for row in rows]
    assert labels == predicted["classes"][:, 0].tolist()
    assert metrics["num_not_finite"] == 0


def test_the_target_is_the_main_object_of_a_known_class(run, tree):
    number = NUM_TRAIN
    box, name = box_of(number), NAMES[number % 3]
    everything = (0, 0, *SIZES[number % 2])
    notes = tree / "Annotations"
    # A larger object is difficult, another of no class of the run.
    (notes / "p08.xml").write_text(
        annotation(
            ("red", everything, True), ("cow", everything, False), (name, box, False)
        )
    )
    (notes / "p09.xml").write_text(annotation(("cow", (1, 1, 9, 9), False)))
    (notes / "p10.xml").write_text(annotation(("red", (1, 1, 9, 9), True)))
    (tree / "JPEGImages/p11.png").write_text("no photo")
    metrics = evaluate(EvaluateConfig(run=run, split="val"))
    assert (metrics["num_images"], metrics["num_left_out"]) == (3, 2)
    assert metrics["num_skipped"] == 1
    skipped = (run / "evaluation-val" / "skipped.txt").read_text()
    assert "p11.png" in skipped.split("\t")[0]
    assert metrics["unknown_classes"] == ["cow"] and metrics["num_unknown_boxes"] == 2
    assert metrics["top1"] == metrics["mean_iou"] == 1.0


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("training_photos.tsv", "trained on"),
        ("validation_photos.tsv", "used to choose the epoch"),
        ("pretraining_photos.tsv", "pretrained on, without labels"),
    ],
)
def test_photos_that_were_seen_are_refused_before_predicting(
    tmp_path, tree, capsys, name, role
):
    run = write_run(tmp_path / "run", tree, seen=pipelines.read(str(tree))[:1])
    seen = pipelines.read(str(tree), "val")[2:4]
    record(run / name, seen)
    (run / "model.keras").write_text("must not be loaded")
    assert main([str(run), "--split", "val"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: --split: 2 of the 6 photos were seen")
    assert f"2 {role}" in line and "--allow-leakage" in line
    out = run / "evaluation-val"
    assert str(out / "data_report.json") in line
    (leakage,) = [
        part
        for part in read_json(out / "data_report.json")["leakages"]
        if part["photos"]
    ]
    found = [photo["name"].rsplit("/", 1)[-1] for photo in leakage["photos"]]
    assert found == ["p10.png", "p11.png"]
    assert not (out / "metrics.json").exists()


def test_the_training_photos_themselves_need_allow_leakage_and_are_counted(run, capsys):
    assert main([str(run), "--split", "train"]) == 2
    assert main([str(run), "--split", "train", "--allow-leakage"]) == 0
    assert "8 SEEN IN TRAINING" in capsys.readouterr().out
    metrics = read_json(run / "evaluation-train" / "metrics.json")
    assert metrics["num_leaked"] == metrics["num_images"] == NUM_TRAIN


def test_without_a_split_the_photos_that_were_held_out_are_evaluated(tmp_path):
    tree = write_tree(tmp_path / "tree", lists=False)
    photos = pipelines.read(str(tree))
    run = write_run(tmp_path / "run", tree, seen=photos[:5])
    record(run / "held_out_photos.tsv", photos[11:])
    metrics = evaluate(EvaluateConfig(run=run))
    assert (metrics["num_images"], metrics["num_leaked"]) == (3, 0)
    rows = read_json(run / "evaluation-held-out" / "predictions.json")
    assert [row["image_id"] for row in rows] == ["p11", "p12", "p13"]


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--data", "/no/such/tree"], "--data: /no/such/tree does not exist"),
        ([], "one of: train, val, all. The run learned from 'train'."),
        (["--split", "test"], "has no split 'test'"),
        (["--data", "/no/such/tree", "--split", "val"], "does not exist"),
        (["--split", "val", "--out", "RUN", "--overwrite"], "holds the run that is"),
        (["--split", "val", "--out", "RUN/..", "--overwrite"], "holds the run that is"),
    ],
)
def test_bad_input_is_one_line_and_status_2_and_harms_no_run(
    run, capsys, flags, complaint
):
    before = sorted(path.name for path in run.iterdir())
    assert main([str(run), *(flag.replace("RUN", str(run)) for flag in flags)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ") and complaint in line
    after = {path.name for path in run.iterdir()} - {"evaluation-test"}
    assert sorted(after - {"evaluation-val"}) == before


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda run: (run / "summary.json").unlink(), "not finished"),
        (lambda run: (run / "manifest.json").unlink(), "no run of this program"),
        (lambda run: change(run, command="pretrain"), "holds a run of pretrain"),
        (lambda run: change(run, task="count"), "of task 'count'. Expected one of"),
        (lambda run: change(run, class_names=["a"]), "scores 3 classes"),
        (lambda run: (run / "model.keras").write_text("x"), "cannot be loaded"),
        (lambda run: damage(run / "model.keras"), "cannot be loaded"),
    ],
    ids=["unfinished", "foreign", "pretrain", "task", "classes", "model", "damaged"],
)
def test_run_that_cannot_be_evaluated_is_one_line(run, capsys, tree, spoil, complaint):
    spoil(run)
    if complaint == "scores 3 classes":
        for path in (tree / "Annotations").iterdir():
            text = path.read_text()
            path.write_text(text.replace("<name>red<", "<name>a<"))
    assert main([str(run), "--split", "val"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: RUN: ") and complaint in line


def damage(path):
    """Changes bytes inside a zip, as a failing disk does; its directory is whole."""
    content = bytearray(path.read_bytes())
    content[60:160] = bytes(100)
    path.write_bytes(content)


def change(run, **entries):
    manifest = read_json(run / "manifest.json")
    (run / "manifest.json").write_text(json.dumps({**manifest, **entries}))


def test_files_of_others_and_finished_evaluations_are_not_written_over(
    run, tmp_path, tree
):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "metrics.json").write_text("mine")
    with pytest.raises(BadInput, match="not empty and holds no run"):
        evaluate(EvaluateConfig(run=run, split="val", out=out))
    assert (out / "metrics.json").read_text() == "mine"
    evaluate(EvaluateConfig(run=run, split="val"))
    with pytest.raises(BadInput, match="finished.*--overwrite"):
        evaluate(EvaluateConfig(run=run, split="val"))
    again = write_run(tmp_path / "again", tree, Oracle(shift=3.0))
    out = run / "evaluation-val"
    evaluate(EvaluateConfig(run=again, split="val", out=out, overwrite=True))
    assert read_json(out / "metrics.json")["mean_iou"] < 0.9


def test_data_without_splits_that_was_learned_asks_for_other_photos(tmp_path, tree):
    np.savez(tmp_path / "all.npz", images=np.zeros((1, 8, 8, 3), "uint8"))
    run = write_run(tmp_path / "run", tmp_path / "all.npz", seen=pipelines.read(tree))
    with pytest.raises(BadInput, match="which has no splits. Name other photos"):
        evaluate(EvaluateConfig(run=run))
