"""`python -m ssl_voc.predict`, whole: what it finds, writes, skips and refuses."""

import shutil

import numpy as np
import pytest
from PIL import Image

from ssl_voc.cli.errors import BadInput, StoppedEarly
from ssl_voc.predict import PredictConfig, main, predict
from ssl_voc.predict import run as prediction_run
from ssl_voc.predict.predictors import open_predictor
from tests.evaluate import oracle
from tests.evaluate.detection_oracle import (
    Reciter,
    detected,
    write_detection_run,
    write_scenes,
)
from tests.predict.place import read_json, read_lines, settings
from tests.serving_client.fixed_boxes import save_model


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A localizer that sees; it learned from photos that nobody looks at here."""
    folder = tmp_path_factory.mktemp("run")
    tree = oracle.write_tree(folder / "tree")
    return oracle.write_run(folder / "run", tree)


def test_localizer_of_a_run_finds_objects_in_pixels_of_the_photos(
    run, photos, tmp_path, capsys
):
    summary = predict(settings(photos, tmp_path, model=str(run)))
    out = tmp_path / "out"
    rows = read_json(out / "predictions.json")
    assert all(row.pop("score") > 0.99 for row in rows)
    expected = []
    for number in range(4):
        x1, y1, x2, y2 = oracle.box_of(number)
        expected.append(
            {
                "image_id": f"p{number}",
                "category_id": number % 3,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "category_name": oracle.NAMES[number % 3],
            }
        )
    assert rows == expected
    for number, row in enumerate(read_lines(out / "images.jsonl")):
        assert (row["width"], row["height"]) == oracle.SIZES[number % 2]
        assert row["detections"][0]["box"] == [*oracle.box_of(number)]
        # A localizer tells how it ranks all classes.
        assert sorted(row["scores"]) == sorted(oracle.NAMES)
        with Image.open(out / row["picture"]) as picture:
            assert picture.size == oracle.SIZES[number % 2]
    assert summary["num_images"] == 4 and summary["num_skipped"] == 0
    assert summary["detections_per_class"] == {"red": 2, "green": 1, "blue": 1}
    assert (out / "skipped.txt").read_text() == ""
    printed = capsys.readouterr().out
    assert "p1" in printed and "green 1.00" in printed and "2 red" in printed


def test_picture_shows_the_box_where_the_object_is(run, photos, tmp_path):
    predict(settings(photos / "p0.png", tmp_path, model=str(run)))
    with Image.open(tmp_path / "out/pictures/p0.png") as picture:
        drawn = np.asarray(picture).astype(int)
    changed = np.abs(drawn - oracle.draw_photo(0)).max(axis=-1) > 20
    x1, y1, x2, y2 = oracle.box_of(0)
    # The label may lie over the upper side.
    lower = (y1 + y2) // 2
    assert changed[y2 - 1, x1:x2].all()
    assert changed[lower:y2, x1].all() and changed[lower:y2, x2 - 1].all()
    # Nothing is painted over the object itself, nor beside it.
    assert not changed[lower : y2 - 3, x1 + 3 : x2 - 3].any()
    assert not changed[:, : x1 - 2].any() and not changed[y2 + 2 :].any()


def test_rotated_photo_is_found_and_drawn_upright(run, tmp_path):
    pixels = oracle.draw_photo(0)
    exif = Image.Exif()
    exif[0x0112] = 6  # a viewer turns it clockwise
    stored = Image.fromarray(pixels).rotate(90, expand=True)
    stored.save(tmp_path / "turned.jpg", exif=exif, quality=100, subsampling=0)
    predict(settings(tmp_path / "turned.jpg", tmp_path, model=str(run)))
    [row] = read_lines(tmp_path / "out/images.jsonl")
    np.testing.assert_allclose(row["detections"][0]["box"], oracle.box_of(0), atol=2.0)
    with Image.open(tmp_path / "out" / row["picture"]) as picture:
        assert picture.format == "JPEG" and not picture.getexif().get(0x0112)
        shown = np.asarray(picture).astype(int)
    assert shown.shape == pixels.shape
    assert np.abs(shown - pixels)[:4].mean() < 10


def test_detector_of_a_run_gives_all_above_the_threshold(tmp_path):
    objects = [("red", (8, 12, 40, 40), False), ("blue", (40, 50, 60, 86), False)]
    tree = write_scenes(tmp_path / "tree", [objects], [objects, []])
    answers = {
        1: [
            detected(0, 0.9, objects[0][1]),
            detected(2, 0.6, objects[1][1]),
            detected(1, 0.2, (0, 0, 10, 10)),
        ],
        # Below the photo, in the padding of its square, there is nothing to show.
        2: [detected(0, 0.5, (10, 40, 90, 90))],
    }
    folder = write_detection_run(tmp_path / "run", tree, Reciter(answers))
    images = (str(tree / "JPEGImages/p01.png"), str(tree / "JPEGImages/p02.png"))
    out = tmp_path / "out"
    config = settings("", tmp_path, images=images, model=str(folder))
    summary = predict(config)
    rows = read_json(out / "predictions.json")
    assert [(r["image_id"], r["category_name"], r["bbox"]) for r in rows] == [
        ("p01", "red", [8, 12, 32, 28]),
        ("p01", "blue", [40, 50, 20, 36]),
        ("p02", "red", [10, 40, 80, 24]),
    ]
    assert summary["num_without_detection"] == 0
    predict(
        settings(
            "",
            tmp_path,
            images=images,
            model=str(folder),
            threshold=0.7,
            out=tmp_path / "sure",
        )
    )
    assert len(read_json(tmp_path / "sure/predictions.json")) == 1
    predict(
        settings(
            "",
            tmp_path,
            images=images,
            model=str(folder),
            threshold=0.0,
            max_detections=2,
            out=tmp_path / "all",
        )
    )
    rows = read_json(tmp_path / "all/predictions.json")
    assert [row["image_id"] for row in rows] == ["p01", "p01", "p02"]


def test_batches_do_not_change_what_is_found(run, photos, tmp_path):
    found = []
    for batch_size in (1, 3):
        out = tmp_path / str(batch_size)
        config = settings(photos, tmp_path, model=str(run), batch_size=batch_size)
        predict(PredictConfig(**{**vars(config), "out": out}))
        found.append((out / "predictions.json").read_text())
    assert found[0] == found[1]


def test_newest_version_is_the_highest_number(saved_model, tmp_path):
    folder = tmp_path / "models"
    for name in ("9", "10", "11-unfinished"):
        shutil.copytree(saved_model / "2", folder / name)
    (folder / "12").mkdir()
    assert open_predictor(str(folder)).description == f"SavedModel {folder / '10'}"


def test_unreadable_files_are_skipped_with_their_reasons(
    saved_model, photos, tmp_path, capsys
):
    whole = (photos / "p0.png").read_bytes()
    bad = {
        "text.jpg": (b"no image", "not an image of a known format"),
        "empty.png": (b"", "the file is empty"),
        "cut.png": (whole[: len(whole) // 2], "damaged"),
    }
    for name, (content, _) in bad.items():
        (photos / name).write_bytes(content)
    images = (str(photos), str(photos / "none.png"))
    config = settings("", tmp_path, images=images, model=str(saved_model))
    summary = predict(config)
    assert summary["num_images"] == 4 and summary["num_skipped"] == 4
    lines = (tmp_path / "out/skipped.txt").read_text().splitlines()
    reasons = dict(line.split("\t") for line in lines)
    assert reasons.pop(str(photos / "none.png")) == "there is no such file or folder"
    assert len(reasons) == 3
    for name, (_, reason) in bad.items():
        assert reason in reasons[str(photos / name)]
    assert "4 skipped" in capsys.readouterr().out


def test_formats_that_a_model_cannot_decode_are_sent_as_what_it_can(
    saved_model, photos, tmp_path
):
    image = Image.fromarray(oracle.draw_photo(0))
    image.save(photos / "a.webp")
    image.save(photos / "b.tiff")
    image.convert("CMYK").save(photos / "c.jpg")
    image.convert("P").save(
        photos / "d.gif", save_all=True, append_images=[image.convert("P")]
    )
    summary = predict(settings(photos, tmp_path, model=str(saved_model)))
    assert summary["num_images"] == 8 and summary["num_skipped"] == 0
    pictures = sorted(path.name for path in (tmp_path / "out/pictures").iterdir())
    assert pictures[:4] == ["a.png", "b.png", "c.jpg", "d.png"]


def test_nothing_predicted_is_bad_input(saved_model, tmp_path, capsys):
    (tmp_path / "a.jpg").write_bytes(b"no image")
    arguments = ["--model", str(saved_model), "--out", str(tmp_path / "out")]
    assert main([str(tmp_path / "a.jpg"), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert (
        "not one photo could be predicted, 1 were skipped" in error and "a.jpg" in error
    )
    # The mistake mended, the same folder is taken without further ado.
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")
    assert main([str(tmp_path / "a.jpg"), *arguments]) == 0


def test_photos_of_one_name_keep_their_own_pictures(saved_model, tmp_path):
    for folder, size in (("a", (10, 20)), ("b", (30, 40))):
        (tmp_path / "in" / folder).mkdir(parents=True)
        Image.new("RGB", size).save(tmp_path / "in" / folder / "1.png")
    predict(settings(tmp_path / "in", tmp_path, model=str(saved_model)))
    for folder, size in (("a", (10, 20)), ("b", (30, 40))):
        with Image.open(tmp_path / f"out/pictures/{folder}/1.png") as picture:
            assert picture.size == size
    rows = read_json(tmp_path / "out/predictions.json")
    assert {row["image_id"] for row in rows} == {"a/1", "b/1"}


def test_model_that_sees_another_size_is_not_drawn(saved_model, photos, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    # This model knows nothing of EXIF, an exported one does.
    image = Image.fromarray(oracle.draw_photo(0))
    image.save(photos / "turned.jpg", exif=exif)
    summary = predict(settings(photos, tmp_path, model=str(saved_model)))
    assert summary["num_images"] == 4
    skipped = (tmp_path / "out/skipped.txt").read_text()
    assert "saw 96 x 64 pixels of a photo that is 64 x 96 upright" in skipped


def test_interrupt_keeps_what_was_predicted(saved_model, photos, tmp_path, monkeypatch):
    save = prediction_run.save_prediction

    def save_twice(path, *arguments):
        if path.name == "p2.png":
            raise KeyboardInterrupt
        save(path, *arguments)

    monkeypatch.setattr(prediction_run, "save_prediction", save_twice)
    with pytest.raises(StoppedEarly, match="interrupted. 2 of 4 photos"):
        predict(settings(photos, tmp_path, model=str(saved_model)))
    assert len(read_json(tmp_path / "out/predictions.json")) == 4
    with pytest.raises(BadInput, match="is finished.*--overwrite"):
        predict(settings(photos, tmp_path, model=str(saved_model)))
    monkeypatch.undo()
    predict(settings(photos, tmp_path, model=str(saved_model), overwrite=True))
    assert len(read_json(tmp_path / "out/predictions.json")) == 8


def test_without_pictures_there_are_none(saved_model, photos, tmp_path):
    predict(settings(photos, tmp_path, model=str(saved_model), draw=False))
    assert not (tmp_path / "out/pictures").exists()
    assert read_lines(tmp_path / "out/images.jsonl")[0]["picture"] is None


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ([], "--model: name the folder"),
        (["--model", "nowhere"], "there is no folder nowhere"),
        (["--model", "."], "is no finetune run"),
        (["--server", "http://127.0.0.1:9"], "--server: http://127.0.0.1:9 names no"),
        (
            ["--server", "http://127.0.0.1:9/v1/models/a", "--retries", "0"],
            "--server: http://127.0.0.1:9 cannot be reached",
        ),
    ],
)
def test_mistake_is_told_before_a_folder_is_made(
    photos, tmp_path, monkeypatch, capsys, flags, reason
):
    monkeypatch.chdir(tmp_path)
    assert main([str(photos), "--out", "out", *flags]) == 2
    error = capsys.readouterr().err
    assert reason in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_model_of_another_kind_is_refused(tmp_path, photos):
    save_model(tmp_path / "other/1", input_name="pixels")
    with pytest.raises(BadInput, match="takes pixels.*not image_bytes"):
        predict(settings(photos, tmp_path, model=str(tmp_path / "other")))


def test_model_that_predicts_is_never_overwritten(run, photos, tmp_path):
    for out in (run, run.parent):
        with pytest.raises(BadInput, match="holds the model"):
            predict(settings(photos, tmp_path, model=str(run), out=out, overwrite=True))
    assert (run / "model.keras").is_file()
