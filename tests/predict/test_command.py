"""`python -m ssl_voc.predict` by runs and SavedModels: results, skips, refusals."""

import os

import numpy as np
import pytest
from PIL import Image

from ssl_voc.cli.errors import BadInput, StoppedEarly
from ssl_voc.predict import main
from ssl_voc.predict import run as prediction_run
from ssl_voc.predict.predictors import newest_version, open_predictor
from ssl_voc.runs.json_files import read_json, read_jsonl
from ssl_voc.visualization.contact_sheet import fit_pixels
from tests.evaluate import oracle
from tests.evaluate.detection_oracle import (
    Reciter,
    detected,
    write_detection_run,
    write_scenes,
)
from tests.predict.results import run
from tests.serving_client.fixed_boxes import save_model


@pytest.fixture(scope="module")
def localizer(tmp_path_factory):
    """The run of a localizer that sees."""
    folder = tmp_path_factory.mktemp("run")
    return oracle.write_run(folder / "run", oracle.write_tree(folder / "tree"))


def test_localizer_of_a_run_finds_objects_in_pixels_of_the_photos(
    localizer, photos, tmp_path, capsys
):
    out = tmp_path / "out"
    summary = run(photos, out, model=str(localizer))
    rows = read_json(out / "predictions.json")
    assert all(row.pop("score") > 0.99 for row in rows)
    for number, row in enumerate(rows):
        x1, y1, x2, y2 = oracle.box_of(number)
        assert row == {
            "image_id": f"p{number}",
            "category_id": number % 3,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "category_name": oracle.NAMES[number % 3],
        }
    for number, row in enumerate(read_jsonl(out / "images.jsonl")):
        assert (row["width"], row["height"]) == oracle.SIZES[number % 2]
        assert row["detections"][0]["box"] == [*oracle.box_of(number)]
        # A localizer tells how it ranks all classes.
        assert sorted(row["scores"]) == sorted(oracle.NAMES)
        with Image.open(out / row["picture"]) as picture:
            # Small photos are enlarged by whole factors.
            factor = round(640 / max(oracle.SIZES[number % 2]))
            enlarged = tuple(factor * side for side in oracle.SIZES[number % 2])
            assert factor > 1 and picture.size == enlarged
    assert summary["num_images"] == len(rows) == 4 and summary["num_skipped"] == 0
    assert summary["detections_per_class"] == {"red": 2, "green": 1, "blue": 1}
    assert summary["categories"] == dict(enumerate(oracle.NAMES))
    assert (out / "skipped.txt").read_text() == ""
    printed = capsys.readouterr().out
    assert "p1" in printed and "green 1.00" in printed and "2 red" in printed
    _check_picture(out / "pictures/p0.png")
    run(photos, tmp_path / "others", model=str(localizer), batch_size=3, draw=False)
    same = (tmp_path / "others/predictions.json").read_text()
    assert same == (out / "predictions.json").read_text()
    assert not (tmp_path / "others/pictures").exists()
    assert read_jsonl(tmp_path / "others/images.jsonl")[0]["picture"] is None


def _check_picture(path):
    """The box is drawn around the object of photo 0 and nowhere else."""
    with Image.open(path) as picture:
        drawn = np.asarray(picture).astype(int)
    photo = oracle.draw_photo(0)
    factor = len(drawn) // len(photo)
    ground = fit_pixels(photo, max(drawn.shape))
    changed = np.abs(drawn - ground).max(axis=-1) > 20
    x1, y1, x2, y2 = (int(factor * side) for side in oracle.box_of(0))
    # The label may lie over the upper side.
    lower = changed[(y1 + y2) // 2 : y2, x1:x2]
    assert lower[-1].all() and lower[:, [0, -1]].all() and not lower[:-5, 5:-5].any()
    assert not changed[:, : x1 - 2].any() and not changed[y2 + 2 :].any()


def test_rotated_photo_is_found_and_drawn_upright(localizer, tmp_path):
    pixels = oracle.draw_photo(0)
    exif = Image.Exif()
    exif[0x0112] = 6  # a viewer turns it clockwise
    stored = Image.fromarray(pixels).rotate(90, expand=True)
    stored.save(tmp_path / "turned.jpg", exif=exif, quality=100, subsampling=0)
    run(tmp_path / "turned.jpg", tmp_path / "out", model=str(localizer))
    [row] = read_jsonl(tmp_path / "out/images.jsonl")
    np.testing.assert_allclose(row["detections"][0]["box"], oracle.box_of(0), atol=2.0)
    with Image.open(tmp_path / "out" / row["picture"]) as picture:
        assert picture.format == "JPEG" and not picture.getexif().get(0x0112)
        shown = np.asarray(picture).astype(int)
    enlarged = fit_pixels(pixels, max(shown.shape))
    assert shown.shape == enlarged.shape
    assert np.abs(shown - enlarged)[:4].mean() < 10


def test_detector_of_a_run_gives_all_above_the_threshold(tmp_path, capsys):
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
    model = str(write_detection_run(tmp_path / "run", tree, Reciter(answers)))
    images = tuple(str(tree / f"JPEGImages/p0{number}.png") for number in (1, 2))
    summary = run(images, tmp_path / "out", model=model)
    rows = read_json(tmp_path / "out/predictions.json")
    assert [(r["image_id"], r["category_name"], r["bbox"]) for r in rows] == [
        ("p01", "red", [8, 12, 32, 28]),
        ("p01", "blue", [40, 50, 20, 36]),
        ("p02", "red", [10, 40, 80, 24]),
    ]
    assert summary["num_without_detection"] == 0 and summary["threshold"] == 0.3
    printed = capsys.readouterr().out
    assert "there may be more" not in printed
    assert "threshold     0.3, the default" in printed
    run(images, tmp_path / "all", model=model, threshold=0.0, max_detections=2)
    assert "threshold     0 (--threshold)" in capsys.readouterr().out
    rows = read_json(tmp_path / "all/predictions.json")
    assert [row["image_id"] for row in rows] == ["p01", "p01", "p02"]


def test_newest_version_is_the_highest_number(tmp_path):
    for name in ("9", "10", "11-unfinished", "12"):
        (tmp_path / name).mkdir()
        if name != "12":
            (tmp_path / name / "saved_model.pb").touch()
    assert newest_version(tmp_path) == tmp_path / "10"
    assert newest_version(tmp_path / "9") == tmp_path / "9"
    assert newest_version(tmp_path / "12") is None


def test_files_that_cannot_be_used_are_skipped_with_their_reasons(
    saved_model, photos, tmp_path, capsys
):
    image = Image.fromarray(oracle.draw_photo(0))
    # What no artifact decodes is sent as PNG; photos of one name keep their pictures.
    for name in ("a", "b"):
        (photos / name).mkdir()
    image.save(photos / "a/1.webp")
    image.convert("CMYK").save(photos / "b/1.jpg")
    moved = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    image.save(photos / "moving.gif", save_all=True, append_images=[moved])
    exif = Image.Exif()
    exif[0x0112] = 6  # of which this model knows nothing; exported ones do
    image.save(photos / "turned.jpg", exif=exif)
    whole = (photos / "p0.png").read_bytes()
    bad = {
        "text.jpg": (b"no image", "not an image of a known format"),
        "empty.png": (b"", "the file is empty"),
        "cut.png": (whole[: len(whole) // 2], "damaged"),
        "turned.jpg": (None, "saw 96 x 64 pixels of a photo that is 64 x 96 upright"),
        "none.png": (None, "there is no such file or folder"),
    }
    for name, (content, _) in bad.items():
        if content is not None:
            (photos / name).write_bytes(content)
    images = (str(photos), str(photos / "none.png"))
    summary = run(images, tmp_path / "out", model=str(saved_model))
    assert summary["num_images"] == 7 and summary["num_skipped"] == 5
    found = {path for path in (tmp_path / "out/pictures").rglob("*") if path.is_file()}
    rows = read_jsonl(tmp_path / "out/images.jsonl")
    pictures = {row["image_id"]: tmp_path / "out" / row["picture"] for row in rows}
    assert found == {*pictures.values()}
    assert {"a/1", "b/1", "moving", "p0", "p1", "p2", "p3"} == {*pictures}
    lines = (tmp_path / "out/skipped.txt").read_text().splitlines()
    reasons = dict(line.split("\t") for line in lines)
    assert len(reasons) == 5
    for name, (_, reason) in bad.items():
        assert reason in reasons[str(photos / name)]
    printed = capsys.readouterr().out
    assert "5 skipped" in printed and "  1 of several pages or frames" in printed


def test_names_that_are_no_utf_8_come_into_every_file(
    saved_model, photos, tmp_path, capsys
):
    try:
        (photos / "p0.png").rename(photos / os.fsdecode(b"\xe4.png"))
        (photos / os.fsdecode(b"\xe9.png")).write_text("no image")
    except OSError:
        pytest.skip("this file system takes no such names")
    out = tmp_path / "out"
    images = (str(photos), os.fsdecode(b"no-\xe9.jpg"))
    assert run(images, out, model=str(saved_model))["num_images"] == 4
    rows = read_jsonl(out / "images.jsonl")
    assert rows[-1]["path"] == f"{photos}/\\udce4.png"
    assert (out / rows[-1]["picture"]).is_file()
    skipped = (out / "skipped.txt").read_text()
    assert "/\\udce9.png\tnot an image" in skipped and "no-\\udce9.jpg" in skipped
    assert "\\udce9.png: not an image" in capsys.readouterr().out


def test_nothing_predicted_is_bad_input(saved_model, tmp_path, capsys):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"no image")
    arguments = [str(photo), "--model", str(saved_model), f"--out={tmp_path / 'out'}"]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "1 were skipped" in error and "a.jpg" in error
    assert not (tmp_path / "out").exists()
    # The mistake mended, the same folder is taken without further ado.
    Image.new("RGB", (8, 8)).save(photo)
    assert main(arguments) == 0


@pytest.mark.parametrize(
    ("error", "raised", "reason"),
    [
        (KeyboardInterrupt(), StoppedEarly, "interrupted. 2 of 4 photos"),
        (
            OSError(28, "No space left on device"),
            StoppedEarly,
            "cannot write .*No space left.*. 2 of 4 photos",
        ),
        (
            MemoryError(),
            StoppedEarly,
            "the memory is full: .*--batch-size. 2 of 4 photos",
        ),
        (RuntimeError("a defect"), RuntimeError, "a defect"),
    ],
)
def test_what_was_predicted_is_kept(
    saved_model, photos, tmp_path, monkeypatch, error, raised, reason
):
    save = prediction_run.save_prediction

    def save_twice(path, *arguments):
        if path.name == "p2.png":
            raise error
        save(path, *arguments)

    out, model = tmp_path / "out", str(saved_model)
    with monkeypatch.context() as patch:
        patch.setattr(prediction_run, "save_prediction", save_twice)
        with pytest.raises(raised, match=reason):
            run(photos, out, model=model)
    assert len(read_json(out / "predictions.json")) == 4
    assert len(read_jsonl(out / "images.jsonl")) == 2
    assert (out / "skipped.txt").read_text() == ""
    with pytest.raises(BadInput, match="is finished.*--overwrite"):
        run(photos, out, model=model)
    run(photos, out, model=model, overwrite=True)
    assert len(read_json(out / "predictions.json")) == 8


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("photos", "--model: name the folder"),
        ("photos --model nowhere", "--model: nowhere does not exist"),
        ("photos --model phtos", "Did you mean photos?"),
        (
            "phtos --model .",
            "phtos: there is no such file or folder. Did you mean photos?",
        ),
        ("photos --model .", "is neither a finetune run"),
        ("photos --server http://127.0.0.1:9", "http://127.0.0.1:9 names no model"),
        (
            "photos --server http://127.0.0.1:9/v1/models/a --retries 0",
            "--server: http://127.0.0.1:9 cannot be reached",
        ),
        ("photos --server http://127.0.0.1:9/no/path", "--server: "),
        ("none*.jpg --model .", "IMAGES: no photo was found. none*.jpg"),
        ("~nobody.jpg --model .", "~nobody.jpg: there is no such file"),
        ("https://a.org/b.jpg --model .", "an address: download it first"),
        ("1.x 2.x 3.x 4.x 5.x --model .", "5.x: there is no such file"),
        ("1.x 2.x 3.x 4.x 5.x --model .", "and 1 more"),
        ("photos --server http://127.0.0.1:9/m --tta", "--tta: a server answers one"),
    ],
)
def test_mistake_is_told_before_a_folder_is_made(
    photos, tmp_path, monkeypatch, capsys, arguments, reason
):
    monkeypatch.chdir(tmp_path)
    assert main([*arguments.split(), "--out", "out"]) == 2
    error = capsys.readouterr().err
    assert reason in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_views_of_a_run_meet_in_pixels_of_the_photos(localizer, photos, tmp_path):
    out = tmp_path / "out"
    summary = run(photos, out, model=str(localizer), tta=True, batch_size=3)
    for number, row in enumerate(read_json(out / "predictions.json")):
        x1, y1, x2, y2 = oracle.box_of(number)
        np.testing.assert_allclose(row["bbox"], [x1, y1, x2 - x1, y2 - y1], atol=2)
        assert row["category_name"] == oracle.NAMES[number % 3]
    assert "as it is and mirrored" in summary["predictor"]


def test_a_run_that_mirrored_nothing_is_asked_about_nothing_mirrored(tmp_path):
    run = oracle.write_run(tmp_path / "run", oracle.write_tree(tmp_path / "tree"))
    with open(run / "config.yaml", "a") as file:
        file.write("flip_rate: 0.0\n")
    description = open_predictor(str(run), tta=True).description
    assert "2 views of each photo, letterboxed to 48 and 32 px; " in description


def test_model_of_another_kind_is_refused(tmp_path):
    save_model(tmp_path / "other/1", input_name="pixels")
    with pytest.raises(BadInput, match="--tta: .* is an export"):
        open_predictor(str(tmp_path / "other"), tta=True)
    with pytest.raises(BadInput, match="takes pixels.*not image_bytes"):
        open_predictor(str(tmp_path / "other"))
    (tmp_path / "other/1/saved_model.pb").write_bytes(b"damaged")
    with pytest.raises(BadInput, match="cannot be loaded"):
        open_predictor(str(tmp_path / "other"))


def test_model_that_predicts_is_never_overwritten(localizer, photos):
    for out in (localizer, localizer.parent):
        with pytest.raises(BadInput, match="holds the model"):
            run(photos, out, model=str(localizer), overwrite=True)
    assert (localizer / "model.keras").is_file()
