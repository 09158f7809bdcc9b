"""`python -m ssl_voc.inspect`: what a data set holds, before anything is trained."""

import base64
import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from ssl_voc.inspect import main
from tests import tiny
from tests.interpreters import run_python


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A VOC tree of 8 and 4 photos: one of val is in train, a box leaves its photo."""
    folder = tmp_path_factory.mktemp("inspect") / "voc"
    pixels = tiny.draw_photos(12, size=80)
    pixels[9] = pixels[2]
    photos = [(image, [("cat", (4, 4, 50, 60), False)]) for image in pixels]
    photos[1][1].append(("dog", (10, 10, 14, 30), False))
    photos[3] = (pixels[3], [("cat", (40, 40, 120, 70), False)])
    tiny.write_voc_tree(folder, photos, num_train=8)
    lists = folder / "ImageSets" / "Main"
    both = "".join((lists / f"{name}.txt").read_text() for name in ("train", "val"))
    (lists / "trainval.txt").write_text(both)
    (folder / "JPEGImages" / "005.png").write_bytes(b"no photo")
    return folder


def read(out, name="report.json"):
    return json.loads((out / name).read_text())


def test_sets_troubles_and_pictures_are_reported(tree, tmp_path, capsys):
    out = tmp_path / "out"
    assert main([str(tree), "--out", str(out)]) == 0
    report, summary = read(out), read(out, "summary.json")
    # What is in train and in val needs no set of its own.
    assert summary["sets"] == {"train": 8, "val": 4}
    assert summary["num_unreadable"] == 1 and summary["num_problems"] >= 1
    classes = report["sets"]["train"]["classes"]
    assert (classes["cat"]["objects"], classes["dog"]["objects"]) == (7, 1)
    (leakage,) = report["between_sets"]
    assert [photo["index"] for photo in leakage["photos"]] == [1]
    assert (leakage["set"], leakage["seen_in"]) == ("val", "train")
    assert "val in train: leakage: 1 of 4" in (out / "report.txt").read_text()
    assert (out / "skipped.txt").read_text().startswith(f"{tree}/JPEGImages/005.png\t")
    assert "1 photos that cannot be read, such as" in (out / "report.txt").read_text()
    # 4 of 80 px wide: 8 px at 160, 32 px at 640.
    assert report["share_of_boxes_by_image_size"]["dog"]["160"] == 0.0
    assert report["share_of_boxes_by_image_size"]["dog"]["320"] == 1.0
    printed = capsys.readouterr().out
    assert "--image-size 320" in printed and str(out / "report.html") in printed
    page = (out / "report.html").read_text()
    for heading in ("smallest boxes", "dropped, repaired", "also in train"):
        assert heading in page
    assert "http" not in page.replace("http-equiv", "")  # nothing to be fetched
    pictures = re.findall(r'base64,([^"]+)"', page)
    first = Image.open(io.BytesIO(base64.b64decode(pictures[0])))
    assert np.asarray(first).std() > 10 and len(pictures) > 20


def test_a_split_that_lies_in_another_is_the_worst_leak(tree, tmp_path):
    copy = shutil.copytree(tree, tmp_path / "voc")
    lists = copy / "ImageSets" / "Main"
    (lists / "test.txt").write_text("000\n001\n")  # of train
    assert main([str(copy), "--out", str(tmp_path / "out")]) == 0
    assert read(tmp_path / "out", "summary.json")["sets"].keys() == {
        "train",
        "val",
        "test",
    }
    assert "test: also in train" in (tmp_path / "out" / "report.html").read_text()


def test_photos_without_an_annotation_are_told_and_shown(tree, tmp_path):
    copy = shutil.copytree(tree, tmp_path / "voc")
    (copy / "Annotations" / "004.xml").unlink()
    (copy / "Annotations" / "006.xml").write_text("<annotation></annotation>")
    assert main([str(copy), "--split", "train", "--out", str(tmp_path / "out")]) == 0
    assert read(tmp_path / "out", "summary.json")["num_not_annotated"] == 1
    page = (tmp_path / "out" / "report.html").read_text()
    assert "train: not annotated" in page


def test_photos_without_boxes_are_shown_too(tree, tmp_path, capsys):
    out = tmp_path / "out"
    assert main([str(tree / "JPEGImages"), "--out", str(out)]) == 0
    told = "JPEGImages: 11 photos, none with boxes\n  1 unreadable\n"
    assert told in capsys.readouterr().out
    assert read(out, "summary.json")["sets"] == {"all": 12}
    assert read(out, "summary.json")["num_not_annotated"] == 0  # none is wanted
    (pair,) = read(out)["near_duplicates"]["all"]
    assert (pair["index"], pair["other_index"], pair["distance"]) == (8, 2, 0)
    assert [pair["name"][-7:], pair["like"][-7:]] == ["009.png", "002.png"]
    assert "near-duplicates" in (out / "report.html").read_text()


def test_a_taken_folder_is_refused_before_anything_is_read(tree, tmp_path, capsys):
    (tmp_path / "notes.txt").touch()
    flags = ["--split", "missing", "--out", str(tmp_path)]
    assert main([str(tree), *flags]) == 2
    assert capsys.readouterr().err.startswith("error: --out: ")


def test_a_split_that_sources_spell_differently_is_one(tree, tmp_path):
    copy = shutil.copytree(tree, tmp_path / "copy")
    lists = copy / "ImageSets" / "Main"
    (lists / "val.txt").rename(lists / "valid.txt")
    (lists / "trainval.txt").unlink()
    assert main([str(tree), str(copy), "--out", str(tmp_path / "out")]) == 0
    assert read(tmp_path / "out", "summary.json")["sets"] == {"train": 16, "val": 8}


def test_a_split_of_one_source_is_looked_at_too(tree, tmp_path):
    copy = shutil.copytree(tree, tmp_path / "copy")
    lists = copy / "ImageSets" / "Main"
    # Of both sources two others together, of which the other lacks one.
    (lists / "val.txt").rename(lists / "test.txt")
    assert main([str(tree), str(copy), "--out", str(tmp_path / "out")]) == 0
    sets = read(tmp_path / "out", "summary.json")["sets"]
    assert sets == {"train": 16, "val": 4, "test": 4}
    pairs = [(p["set"], p["seen_in"]) for p in read(tmp_path / "out")["between_sets"]]
    assert ("test", "val") in pairs and ("test", "train") in pairs


def test_boxes_of_other_pixels_are_an_alarm(tmp_path, capsys):
    Image.fromarray(tiny.draw_photos(1, size=80)[0]).save(tmp_path / "a.png")
    box = {"image_id": 1, "category_id": 0, "bbox": [100, 100, 20, 20]}
    content = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [box]}
    content["categories"] = [{"id": 0, "name": "cat"}]
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    assert main([str(tmp_path / "boxes.json"), "--out", str(tmp_path / "out")]) == 0
    assert "1 x no usable annotation, such as" in capsys.readouterr().out


def test_sources_without_splits_are_each_a_set(tmp_path):
    for number, pixels in enumerate(tiny.draw_photos(3, size=80)):
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    paths = []
    for name, numbers in ("train", (0, 1)), ("val", (1, 2)):
        images = [{"id": n, "file_name": f"{n}.png"} for n in numbers]
        box = {"category_id": 0, "bbox": [4, 4, 9, 9]}
        boxes = [{"image_id": n, **box} for n in numbers]
        content = {"images": images, "annotations": boxes}
        content["categories"] = [{"id": 0, "name": "cat"}]
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(json.dumps(content))
    assert main([*map(str, paths), "--out", str(tmp_path / "out")]) == 0
    sets = read(tmp_path / "out", "summary.json")["sets"]
    assert sets == {f"{tmp_path.name}/train": 2, f"{tmp_path.name}/val": 2}
    # Both name the same file.
    (leakage,) = read(tmp_path / "out")["between_sets"]
    assert [photo["index"] for photo in leakage["photos"]] == [0]


def test_sources_of_one_name_are_told_apart(tree, tmp_path):
    sources = [str(tmp_path / name / "photos") for name in "ab"]
    for source in sources:
        shutil.copytree(tree / "JPEGImages", source)
    assert main([*sources, "--out", str(tmp_path / "out")]) == 0
    assert [*read(tmp_path / "out", "summary.json")["sets"]] == sources


def test_sources_with_and_without_splits_are_refused_together(tree, tmp_path, capsys):
    flags = [str(tree), str(tree / "JPEGImages"), "--out", str(tmp_path / "out")]
    assert main(flags) == 2
    assert "one by one" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_no_framework_is_loaded(tree, tmp_path):
    program = (
        "import sys\nfrom ssl_voc.inspect import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "assert not {'tensorflow', 'keras'} & {*sys.modules}"
    )
    run_python("tensorflow", "-c", program, tree, "--out", tmp_path / "out")


def test_link_to_itself_is_told_in_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    assert main(["loop"]) == 2
    assert capsys.readouterr().err == "error: DATA: loop does not exist.\n"


def test_a_misspelled_path_is_told_with_what_was_meant(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labelled").mkdir()
    assert main(["labeled"]) == 2
    assert "labeled does not exist. Did you mean labelled?" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["labelled"]


def test_data_is_a_flag_too(tree, tmp_path):
    out = str(tmp_path / "out")
    assert main(["--data", str(tree), "--split", "val", "--out", out]) == 0
    assert read(tmp_path / "out", "summary.json")["sets"] == {"val": 4}


def test_the_tree_whose_photos_are_named_is_told(tree, tmp_path, capsys):
    assert main([str(tree / "JPEGImages"), "--out", str(tmp_path / "out")]) == 0
    assert f"a VOC tree or devkit: give {tree}." in capsys.readouterr().out
