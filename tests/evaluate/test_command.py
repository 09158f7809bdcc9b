"""`python -m ssl_voc.evaluate`, whole: what it measures, writes and refuses."""

import json

import numpy as np
import pytest
from PIL import Image

import pipelines
import ssl_voc
from ssl_voc.cli.errors import BadInput
from ssl_voc.evaluate import EvaluateConfig, evaluate, main
from ssl_voc.evaluate import run as evaluation_run
from ssl_voc.evaluate.localization import run as localization_run
from ssl_voc.runs.json_files import read_json
from tests import tiny
from tests.box_reference import iou
from tests.evaluate.oracle import (
    NAMES,
    NUM_TRAIN,
    NUM_VAL,
    SIDE,
    SIZES,
    Oracle,
    box_of,
    record,
    write_run,
    write_tree,
)

# Their pictures, which take most of an evaluation, are not looked at.
without_pictures = pytest.mark.usefixtures("sheets", "figures")


def test_model_that_sees_gets_everything_right_in_pixels_of_the_photos(run, capsys):
    metrics = evaluate(EvaluateConfig(run=run, split="val"))
    out = run / "evaluation-val"
    assert metrics["num_images"] == NUM_VAL
    for name in ("top1", "mean_iou", "loc_acc_50", "loc_acc_70", "corloc"):
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
    galleries = [f"gallery_{n}" for n in ("best", "worst", "confusing", "random")]
    for name in ("per_class", "confusion_matrix", *galleries):
        with Image.open(out / f"{name}.png") as picture:
            assert picture.width > 300
    assert (out / "skipped.txt").read_text() == ""
    assert "0 of 6 evaluation photos" in (out / "data_report.txt").read_text()
    printed = capsys.readouterr().out
    assert "mean IoU       1.000  [1.000, 1.000]" in printed
    assert "views" not in metrics["protocol"]
    assert str(out / "metrics.json") in printed
    assert printed.endswith(f"ssl_voc.predict PHOTOS --model {run} --out FOUND\n")


@without_pictures
@pytest.mark.parametrize(("cache", "flip_rate"), [("memory", 0.5), ("none", 0.0)])
def test_boxes_of_all_views_meet_in_pixels_of_the_photos(run, capsys, cache, flip_rate):
    with open(run / "config.yaml", "a") as file:
        file.write(f"flip_rate: {flip_rate}\n")
    metrics = evaluate(EvaluateConfig(run=run, split="val", tta=True, cache=cache))
    rows = read_json(run / "evaluation-val-tta" / "predictions.json")
    for number, row in enumerate(rows, start=NUM_TRAIN):
        x1, y1, x2, y2 = box_of(number)
        # A pixel of the second size is three of the photo; of the first one, two.
        np.testing.assert_allclose(row["bbox"], [x1, y1, x2 - x1, y2 - y1], atol=2)
    assert metrics["mean_iou"] > 0.9 and metrics["top1"] == 1.0
    views = "48 and 32 px" + ", as it is and mirrored" * bool(flip_rate)
    assert f"letterboxed to {views}; " in metrics["protocol"]["views"]
    assert "several views" in capsys.readouterr().out


@without_pictures
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


@without_pictures
def test_a_localizer_that_was_saved_is_evaluated(tmp_path, tree):
    model = ssl_voc.Localizer(tiny.build_backbone(SIDE), len(NAMES))
    model.build()
    run = write_run(tmp_path / "localizer", tree, model)
    out = tmp_path / "out"
    metrics = evaluate(EvaluateConfig(run=run, split="val", out=out))
    pool = pipelines.prepare_labeled(
        str(tree), SIDE, split="val", class_names=NAMES, cache="none"
    )
    model.run_eagerly = True  # quick for a single prediction
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


@without_pictures
def test_the_target_is_the_main_object_of_a_known_class(run, tree):
    number = NUM_TRAIN
    box, name = box_of(number), NAMES[number % 3]
    everything = (0, 0, *SIZES[number % 2])
    notes = tree / "Annotations"
    # A larger object is difficult, another of no class of the run.
    (notes / "p08.xml").write_text(
        tiny.annotation(
            ("red", everything, True), ("cow", everything, False), (name, box, False)
        )
    )
    (notes / "p09.xml").write_text(tiny.annotation(("cow", (1, 1, 9, 9), False)))
    (notes / "p10.xml").write_text(tiny.annotation(("red", (1, 1, 9, 9), True)))
    (tree / "JPEGImages/p11.png").write_text("no photo")
    metrics = evaluate(EvaluateConfig(run=run, split="val"))
    assert (metrics["num_images"], metrics["num_left_out"]) == (3, 2)
    assert metrics["num_skipped"] == 1
    skipped = (run / "evaluation-val" / "skipped.txt").read_text()
    assert "p11.png" in skipped.split("\t")[0]
    assert metrics["unknown_classes"] == ["cow"] and metrics["num_unknown_boxes"] == 2
    assert metrics["top1"] == metrics["mean_iou"] == 1.0


@without_pictures
def test_photos_that_were_seen_are_refused_before_predicting_or_counted(
    tmp_path, tree, capsys
):
    photos = pipelines.read(str(tree), "val")
    run = write_run(tmp_path / "run", tree, seen=photos[2:4])
    record(run / "validation_photos.tsv", photos[3:4])
    record(run / "pretraining_photos.tsv", photos[:1])
    model = (run / "model.keras").read_bytes()
    (run / "model.keras").write_text("must not be loaded")
    assert main([str(run), "--split", "val"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: --split: 3 of the 6 photos")
    for part in ("2 trained on", "1 used to choose", "1 pretrained on"):
        assert part in line
    out = run / "evaluation-val"
    assert "p10.png" in line and "--allow-leakage" in line and not out.exists()
    (run / "model.keras").write_bytes(model)
    assert main([str(run), "--split", "val", "--allow-leakage"]) == 0
    assert "3 SEEN IN TRAINING" in capsys.readouterr().out
    seen = {
        part["seen"].rsplit("/", 1)[-1]: [
            photo["name"].rsplit("/", 1)[-1] for photo in part["photos"]
        ]
        for part in read_json(out / "data_report.json")["leakages"]
    }
    assert seen["training_photos.tsv"] == ["p10.png", "p11.png"]
    assert read_json(out / "metrics.json")["num_leaked"] == 3


@without_pictures
def test_photos_that_were_seen_without_labels_alone_are_evaluated_and_counted(
    tmp_path, tree, capsys
):
    photos = pipelines.read(str(tree), "val")
    run = write_run(tmp_path / "run", tree)
    record(run / "pretraining_unlabeled_photos.tsv", photos[:2])
    assert main([str(run), "--split", "val"]) == 0
    assert "2 seen in pretraining, without" in capsys.readouterr().out
    metrics = read_json(run / "evaluation-val" / "metrics.json")
    assert (metrics["num_leaked"], metrics["num_seen_without_labels"]) == (0, 2)


@without_pictures
def test_without_a_split_the_photos_that_were_held_out_are_evaluated(tmp_path):
    tree = write_tree(tmp_path / "tree", lists=False)
    photos = pipelines.read(str(tree))
    run = write_run(tmp_path / "run", tree, seen=photos[:5])
    record(run / "held_out_photos.tsv", photos[11:])
    metrics = evaluate(EvaluateConfig(run=run))
    assert (metrics["num_images"], metrics["num_leaked"]) == (3, 0)
    rows = read_json(run / "evaluation-held-out" / "predictions.json")
    assert [row["image_id"] for row in rows] == ["p11", "p12", "p13"]


@without_pictures
def test_photos_that_were_held_out_are_found_where_the_data_has_moved(tmp_path, capsys):
    tree = write_tree(tmp_path / "tree", lists=False)
    photos = pipelines.read(str(tree))
    run = write_run(tmp_path / "run", tree, seen=photos[:5])
    record(run / "held_out_photos.tsv", photos[11:])
    moved = tmp_path / "elsewhere" / "tree"
    moved.parent.mkdir()
    tree.rename(moved)
    assert main([str(run), f"--data={moved}"]) == 2
    assert "(held-out: those of them that RUN held out)" in capsys.readouterr().err
    assert main([str(run), f"--data={moved}", "--split=held-out"]) == 0
    rows = read_json(run / "evaluation-held-out" / "predictions.json")
    assert [row["image_id"] for row in rows] == ["p11", "p12", "p13"]


@without_pictures
def test_photos_of_one_name_in_two_trees_are_told_apart(tmp_path):
    for site in ("a", "b"):
        write_tree(tmp_path / "kit" / site, lists=False)
    photos = pipelines.read(str(tmp_path / "kit"))
    run = write_run(tmp_path / "run", tmp_path / "kit")
    ids = [photo.image_id for photo in photos]
    held_out = photos.take([ids.index("a/p03"), ids.index("b/p11")])
    record(run / "held_out_photos.tsv", held_out)
    # The trees hold the same pictures.
    metrics = evaluate(EvaluateConfig(run=run, allow_leakage=True))
    assert metrics["num_images"] == len(held_out) == 2
    rows = read_json(run / "evaluation-held-out" / "predictions.json")
    assert [row["image_id"] for row in rows] == ["a/p03", "b/p11"]


@without_pictures
def test_photos_that_are_not_annotated_are_left_out_and_told(run, tree, capsys):
    notes = tree / "Annotations"
    (notes / "p08.xml").unlink()
    (notes / "p09.xml").write_text("<annotation")
    (notes / "p10.xml").write_text("<annotation/>")
    metrics = evaluate(EvaluateConfig(run=run, split="val"))
    assert metrics["num_not_annotated"] == 2
    # The photo that is known to show nothing has no main object.
    assert (metrics["num_images"], metrics["num_left_out"]) == (3, 1)
    assert metrics["top1"] == metrics["mean_iou"] == 1.0
    assert "2 left out, since they have no annotation" in capsys.readouterr().out
    report = (run / "evaluation-val" / "data_report.txt").read_text()
    assert "2 x photo left out: not annotated" in report and "p08.png" in report


@without_pictures
def test_the_frequent_box_is_that_of_the_files_whatever_size_is_stated(
    tmp_path, tree, capsys
):
    def frequent_box(name):
        run = write_run(tmp_path / name, tree)
        return evaluate(EvaluateConfig(run=run, split="val"))["blind"]["frequent_box"]

    expected = frequent_box("right")
    for number in range(NUM_TRAIN):
        path, (width, height) = (
            tree / f"Annotations/p{number:02}.xml",
            SIZES[number % 2],
        )
        text = path.read_text()
        stated = f"<size><width>{width}</width><height>{height}</height></size>"
        assert stated in text
        wrong = "<size><width>500</width><height>500</height></size>" * (number % 2)
        path.write_text(text.replace(stated, wrong))
    assert frequent_box("wrong") == expected
    for path in (tree / "Annotations").glob("p0[0-7].xml"):
        path.write_text("<annotation/>")
    with pytest.raises(KeyError):
        frequent_box("none")
    assert "trained on have no box that can be used" in capsys.readouterr().out


@without_pictures
def test_photos_that_were_trained_on_are_not_downloaded_for_the_baseline(
    run, tree, capsys, monkeypatch
):
    (run / "config.yaml").write_text("data:\n- tfds:voc\n")
    monkeypatch.setattr(pipelines, "read_labeled", lambda *arguments: 1 / 0)
    metrics = evaluate(EvaluateConfig(run=run, data=(str(tree),), split="val"))
    assert metrics["blind"].keys() == {"gray_photos"}
    assert "not at hand: tfds:voc may have to be down" in capsys.readouterr().out


def test_figures_are_there_before_pictures_are_drawn(run, monkeypatch):
    monkeypatch.setattr(localization_run, "draw_per_class", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        evaluate(EvaluateConfig(run=run, split="val"))
    assert read_json(run / "evaluation-val/metrics.json")["top1"] == 1.0


@pytest.mark.parametrize("flags", [(), ("--tta",)])
def test_photo_that_vanishes_meanwhile_is_one_line(
    run, tree, capsys, monkeypatch, flags
):
    load = evaluation_run.load_finished_model

    def load_later(finished):
        (tree / "JPEGImages/p09.png").unlink()
        return load(finished)

    monkeypatch.setattr(evaluation_run, "load_finished_model", load_later)
    assert main([str(run), "--split=val", "--cache=none", *flags]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: --data: ") and "p09.png" in line


def rename_first_class(run, tree):
    manifest = read_json(run / "manifest.json")
    text = json.dumps({**manifest, "class_names": ["a"]})
    (run / "manifest.json").write_text(text)
    for path in (tree / "Annotations").iterdir():
        path.write_text(path.read_text().replace("<name>red<", "<name>a<"))


def damage_model(run, tree):
    """Changes bytes inside a zip, as a failing disk does; its directory is whole."""
    content = bytearray((run / "model.keras").read_bytes())
    content[60:160] = bytes(100)
    (run / "model.keras").write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [(rename_first_class, "scores 3 classes"), (damage_model, "cannot be loaded")],
)
def test_model_that_does_not_fit_the_run_is_one_line(
    run, capsys, tree, spoil, complaint
):
    spoil(run, tree)
    assert main([str(run), "--split", "val"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ") and complaint in line


@without_pictures
def test_finished_evaluation_is_not_written_over_unasked(run, tmp_path, tree):
    out = run / "evaluation-val"
    metrics = evaluate(EvaluateConfig(run=run, split="val"))
    again = write_run(tmp_path / "again", tree, Oracle(shift=3.0))
    settings = {"run": again, "split": "val", "out": out}
    with pytest.raises(BadInput, match="--overwrite"):
        evaluate(EvaluateConfig(**settings))
    evaluate(EvaluateConfig(**settings, overwrite=True))
    assert read_json(out / "metrics.json")["mean_iou"] < metrics["mean_iou"]
