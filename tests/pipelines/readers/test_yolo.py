import os

import numpy as np
import pytest
import yaml
from PIL import Image

from pipelines.photos import content
from pipelines.pools.preparation import prepare_labeled
from pipelines.readers import voc, yolo
from pipelines.readers.sources import read, splits
from pipelines.reports.set_report import report_set

NAMES = ["cat", "dog"]
# Of 40 x 30 pixels: x 10 to 30, y 6 to 12.
ROW, BOX = "1 0.5 0.3 0.5 0.2", (10, 6, 30, 12)


@pytest.fixture
def write(tmp_path, write_photo):
    """Returns `write(labels, **content)`: path of a `data.yaml` of such photos.

    `labels` maps paths of photos to the text of their label file, or None without one.
    """

    def write(labels, **content):
        folder = tmp_path / "set"
        for seed, (photo, text) in enumerate(labels.items()):
            write_photo(folder / photo, seed)
            if text is not None:
                path = folder / photo.replace("images", "labels")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.with_suffix(".txt").write_text(text)
        content = {"names": NAMES, "train": "images", **content}
        (folder / "data.yaml").write_text(yaml.safe_dump(content))
        return folder / "data.yaml"

    return write


def found(photos):
    return {
        photo.image_id: [(item.name, item.box) for item in photo.objects]
        for photo in photos
    }


LAYOUTS = {
    "images/train": {"train": "images/train", "val": "images/val"},
    "train/images": {"train": "train/images", "val": "val/images"},
    "roboflow": {"train": "../train/images", "val": "../val/images"},
    "windows": {"train": ["images\\train"], "val": ["images\\val"]},
    "moved": {"path": "/gone/set", "train": "images/train", "val": "images/val"},
    "path": {"path": "images", "train": "train", "val": "val"},
    "lists": {"train": "train.txt", "val": ["val.txt"]},
    "beside": {"train": "train", "val": "val"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_give_photos_and_boxes_of_each_split(layout, write):
    folders = {"train/images": "{}/images", "roboflow": "{}/images", "beside": "{}"}
    folder = folders.get(layout, "images/{}")
    labels = {f"{folder.format(name)}/{name}.jpg": ROW for name in ("train", "val")}
    path = write(labels, **LAYOUTS[layout])
    for name, photo in zip(("train", "val"), labels, strict=True):
        lines = f"\ufeff./{photo}\r\n\r\n{path.parent / photo}\r\n./gone.jpg\r\n"
        (path.parent / f"{name}.txt").write_text(lines, encoding="utf-8", newline="")
    assert splits(path) == splits(path.parent) == ("train", "val")
    for source in (path, str(path.parent)):
        photos = read(source)
        assert found(photos) == {"train": [("dog", BOX)]}
        assert (photos.name, photos[0].label) == ("set", "dog")
        assert (photos[0].width, photos[0].height) == (40, 30)
        assert found(read(source, "val")) == {"val": [("dog", BOX)]}
        assert {*found(read(source, "all"))} == {"train", "val"}
    kinds = [problem.kind for problem in photos.problems]
    assert kinds == ["photo missing"] * (layout == "lists")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ({"names": {0: "cat", 1: "dog"}}, "dog"),
        ({"names": {"0": "cat", "1": "dog"}, "nc": 2}, "dog"),
        ({"names": ["cat", "dog"], "nc": 2}, "dog"),
        ({"names": None, "nc": 2}, "class_1"),
        ({"nc": "2"}, "dog"),
        ({"names": ["cat", "cafe\u0301"]}, "caf\u00e9"),
    ],
)
def test_names_are_a_list_or_a_dict_or_made_of_numbers(content, name, write):
    path = write({"images/1.jpg": ROW}, **content)
    assert read(path).class_names == read(path.parent).class_names == (name,)


@pytest.mark.parametrize("name", ["no", "007", "1:30", "2.50", "2024-13-45", "null"])
def test_class_is_called_as_the_file_spells_it(name, write):
    path = write({"images/1.jpg": ROW})
    path.write_text(f"names: [cat, {name}]\ntrain: images\ntest: null\nval:\n")
    assert read(path).class_names == (name,) and splits(path) == ("train",)


def test_keys_are_merged_and_nothing_is_written_in_any_case(write):
    path = write({"images/1.jpg": ROW})
    text = "base: &base\n  names: [cat, dog]\n  train: images\n<<: *base\ntest: Null\n"
    path.write_text(text)
    assert found(read(path)) == {"1": [("dog", BOX)]} and splits(path) == ("train",)


LIST_LINES = {
    "utf-16": ("images\\train\\café.jpg", "utf-16"),
    "Windows' own": ("images/train/café.jpg", "cp1252"),
    "quoted": ('"images/train/café.jpg"', "utf-8"),
    "decomposed": ("images/train/cafe\u0301.jpg", "utf-8"),
    "other case": ("Images/Train/CAFÉ.JPG", "utf-8"),
    "absolute": ("/content/set/images/train/café.jpg", "utf-8"),
    "drive": ("D:\\set\\images\\train\\café.jpg", "utf-8"),
}


@pytest.mark.parametrize("case", LIST_LINES)
def test_line_of_a_list_finds_its_photo_as_any_machine_writes_it(case, write):
    path = write({"images/train/café.jpg": ROW}, train="train.txt")
    line, encoding = LIST_LINES[case]
    (path.parent / "train.txt").write_bytes(f"{line}\r\n".encode(encoding))
    photos = read(path)
    assert found(photos) == {"café": [("dog", BOX)]} and not photos.problems


def test_folder_of_another_machine_is_found_by_its_end_but_never_another_split(write):
    path = write({"images/1.jpg": ROW, "images/val/2.jpg": ROW})
    text = "names: [cat, dog]\ntrain: {0}/train/images\nval: {0}/images/val\n"
    for root in ("/content/set", "C:/set", "../images/.."):
        path.write_text(text.format(root))
        assert found(read(path, "val")) == {"2": [("dog", BOX)]}
        with pytest.raises(ValueError, match=f"train is '{root}/train/images'"):
            read(path)


def test_folder_of_another_machine_is_never_the_one_of_another_split(write):
    path = write({"images/1.jpg": ROW}, val="/content/other/images")
    with pytest.raises(ValueError, match="val is '/content/other/images'"):
        read(path, "val")
    path = write({"images/a/1.jpg": ROW}, train="images/a", val="/other/images/a")
    with pytest.raises(ValueError, match="val is '/other/images/a'"):
        read(path, "val")


def test_photos_of_two_folders_of_another_machine_are_not_one_here(write):
    path = write({"img/1.jpg": ROW}, train="train.txt", val="val.txt")
    for split, site in {"train": "siteA", "val": "siteB"}.items():
        (path.parent / f"{split}.txt").write_text(f"/data/{site}/img/1.jpg\n")
    for split in ("train", "val"):
        with pytest.raises(ValueError, match="names '/data/site./img/1.jpg', which is"):
            read(path, split)


LABEL_PLACES = {
    "folder in another case": ("images/a.jpg", "Labels/a.txt"),
    "both in another case": ("Images/a.jpg", "LABELS/a.TXT"),
    "name in another case": ("images/IMG_1.JPG", "labels/img_1.txt"),
    "composed": ("images/cafe\u0301.jpg", "labels/caf\u00e9.txt"),
    "decomposed": ("images/caf\u00e9.jpg", "labels/cafe\u0301.txt"),
    "images in Images": ("Images/images/a.jpg", "Images/labels/a.txt"),
    "Images in images": ("images/Images/a.jpg", "labels/Images/a.txt"),
    "Images in images, as the last": ("images/Images/a.jpg", "images/labels/a.txt"),
    "beside, in another case": ("photos/a.jpg", "photos/A.txt"),
}


@pytest.mark.parametrize("case", LABEL_PLACES)
def test_labels_in_another_spelling_are_found(case, write):
    photo, labels = LABEL_PLACES[case]
    path = write({photo: None}, train=photo.partition("/")[0])
    (path.parent / labels).parent.mkdir(parents=True, exist_ok=True)
    (path.parent / labels).write_text(ROW)
    (image,) = photos = read(path)
    assert [(item.name, item.box) for item in image.objects] == [("dog", BOX)]
    assert not photos.problems


def test_of_photos_that_differ_in_case_alone_each_has_its_own_labels(write):
    path = write({"images/a.jpg": ROW, "images/A.jpg": None})
    assert found(read(path)) == {"A": [], "a": [("dog", BOX)]}


def test_labels_of_a_photo_of_another_split_are_not_taken_for_its_own(write):
    path = write({"images/a.jpg": ROW, "images/A.jpg": None}, train="train.txt")
    (path.parent / "train.txt").write_text("images/A.jpg")
    assert found(read(path)) == {"A": []}


def test_labels_in_utf16_are_read(write):
    path = write({"images/1.jpg": None})
    (path.parent / "labels").mkdir()
    (path.parent / "labels" / "1.txt").write_bytes(f"{ROW}\r\n".encode("utf-16"))
    assert found(read(path)) == {"1": [("dog", BOX)]}


@pytest.mark.parametrize(
    ("row", "box", "kind"),
    [
        ("1.0 0.5 0.3 0.5 0.2", BOX, None),
        ("1 0.5 0.3 0.5 0.2 0.87", BOX, "confidence ignored"),
        ("1 0.25 0.2 0.75 0.3 0.5 0.4", BOX, "polygon read as its box"),
        ("1 .25 .2 .75 .2 .75 .4 .25 .4", BOX, "polygon read as its box"),
        ("1 0.75 0.3 1 0.2", (10, 6, 40, 12), "box clipped"),
        ("1 0.9 0.3 0.205 0.2", (31.9, 6, 40, 12), None),  # by 0.1 pixels
    ],
)
def test_rows_give_boxes_in_pixels_and_what_is_odd_is_told(row, box, kind, write):
    photos = read(write({"images/1.jpg": f"{row}\n\n"}))
    assert found(photos) == {"1": [("dog", pytest.approx(box))]}
    assert [problem.kind for problem in photos.problems] == [kind] * (kind is not None)


def test_keypoints_are_no_polygon(write):
    path = write({"images/1.jpg": f"{ROW} 0.1 0.1 2 0.9 0.9 1"}, kpt_shape=[2, 3])
    assert found(read(path)) == {"1": [("dog", BOX)]}


BAD_ROWS = {
    "1 0.5 0.3 0.5": "wrong number of columns",
    "1": "wrong number of columns",
    "1 0.1 0.1 0.2 0.2 0.3 0.3 0.4": "wrong number of columns",
    "1 0.5 half 0.5 0.2": "not a number",
    "1 nan 0.3 0.5 0.2": "not finite",
    "1 0.1 0.1 inf 0.2 0.3 0.3": "not finite",
    "1 20 9 20 6": "not normalized",
    "1 -0.5 0.3 0.5 0.2": "not normalized",
    "1 0.5 0.3 0 0.2": "empty",
    "2 0.5 0.3 0.5 0.2": "unknown class",
    "-1 0.5 0.3 0.5 0.2": "unknown class",
    "dog 0.5 0.3 0.5 0.2": "unknown class",
}


@pytest.mark.parametrize("row", BAD_ROWS)
def test_a_bad_row_loses_itself_only_and_is_told_with_its_line(row, write):
    path = write({"images/1.jpg": f"{ROW}\n{row}\n{ROW}\n"})
    photos = read(path)
    assert found(photos) == {"1": [("dog", BOX)] * 2}
    (problem,) = photos.problems
    assert problem.kind == f"box dropped: {BAD_ROWS[row]}"
    assert problem.path_name == str(path.parent / "labels" / "1.txt")
    assert "line 2" in problem.reason


def test_photos_without_labels_show_no_object_and_are_counted_apart(write):
    labels = {"a": ROW, "b": None, "c": None, "d": " \n", "e": "1 nan 0 0 0"}
    path = write({f"images/{name}.jpg": text for name, text in labels.items()})
    calls = []
    photos = read(path, progress=lambda *call: calls.append(call))
    assert calls == [(done, 5) for done in range(1, 6)]
    report = report_set(photos)
    # The only row of the fifth photo is no box: what it shows is not known.
    assert (report.num_photos, report.num_without_boxes) == (4, 3)
    assert report.num_not_annotated == 1
    counts = {kind: len(texts) for kind, texts in report.problems.items()}
    kinds = {"no label file": 2, "empty label file": 1, "box dropped: not finite": 1}
    assert counts == kinds
    assert len(prepare_labeled(path, 16).photos) == 4


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_size_is_that_of_the_upright_photo(kind, write, encode, draw):
    path = write({"images/1.jpg": ROW})
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(draw(), kind, exif=exif)
    (path.parent / "images" / "1.jpg").write_bytes(data)
    (photo,) = read(path)
    assert (photo.width, photo.height) == (30, 40)
    assert photo.objects[0].box == (7.5, 8, 22.5, 16)
    assert prepare_labeled(path, 16).problems == []


def test_photos_and_labels_that_cannot_be_read_are_told(write, monkeypatch):
    path = write({"images/1.jpg": ROW, "images/2.jpg": ROW, "images/3.jpg": ROW * 9999})
    (path.parent / "images" / "2.jpg").write_bytes(b"<html>")
    os.mkfifo(path.parent / "images" / "4.jpg")
    monkeypatch.setattr(content, "MAX_FILE_BYTES", 100_000)
    photos = read(path)
    assert [len(photo.objects) for photo in photos] == [1, 0, 0, 0]
    assert {problem.kind for problem in photos.problems} == {"annotation unreadable"}
    names = [problem.path_name.rpartition("/")[2] for problem in photos.problems]
    assert names == ["2.jpg", "3.txt", "4.jpg"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"names": "cat"}, "names.*'?cat"),
        ({"names": []}, "names"),
        ({"names": [""]}, "names"),
        ({"names": [["cat"], ["dog"]]}, "names"),
        ({"names": [{"id": 0, "name": "cat"}]}, "names"),
        ({"nc": "two"}, "nc is 'two', not a number"),
        ({"nc": 3}, "nc is 3.*2"),
        ({"train": "nowhere"}, "train is 'nowhere'"),
        ({"train": None}, "no split 'train'.*train, val, test"),
        ({"train": "empty"}, "no photo for train"),
    ],
)
def test_what_cannot_be_read_is_told_by_the_name_of_the_file(content, words, write):
    path = write({"images/1.jpg": ROW}, **content)
    (path.parent / "empty").mkdir()
    for source in (path, path.parent):
        with pytest.raises(ValueError, match=f"data.yaml.*{words}"):
            read(source)


@pytest.mark.parametrize("asked", ["val", "Valid", "validation"])
def test_words_for_validation_name_the_split_that_is_there(asked, write):
    path = write({"images/1.jpg": ROW, "valid/2.jpg": ROW}, valid="valid")
    assert splits(path) == ("train", "valid")
    assert found(read(path, asked)) == {"2": [("dog", BOX)]}


def test_a_split_that_is_not_there_is_left_out_of_all_and_told_once(write):
    labels = {"images/1.jpg": ROW, "valid/2.jpg": ROW}
    path = write(labels, valid="valid", test="../test/images")
    assert splits(path) == ("train", "valid")
    photos = read(path, "all")
    assert len(photos) == 2
    for part in photos, read(path, "train"):
        (problem,) = part.problems
        assert problem.kind == "split missing" and "test/images" in problem.reason
    assert not read(path, "valid").problems
    with pytest.raises(ValueError, match="test is '../test/images', which is not in"):
        read(path, "test")
    path = write(labels, train="gone", valid="valid")
    assert splits(path) == ("valid",)
    with pytest.raises(ValueError, match="train is 'gone'"):
        read(path)  # nothing else is learned from instead


def test_unknown_split_is_told_with_the_known_ones(write):
    with pytest.raises(ValueError, match="no split 'test'.*: train"):
        read(write({"images/1.jpg": ROW}), "test")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("author: me\n", "`names` must be"),
        ("names: [cat]\n", "no split 'train'"),
        ("nc: 3\n", "no split 'train'"),
        ("train: images\n", "`names` must be"),
        ("names: [cat\n", "not valid YAML"),
    ],
)
def test_folder_with_another_yaml_is_a_folder_of_photos(text, words, write):
    path = write({"images/1.jpg": ROW})
    assert yolo.recognizes(path.parent)
    path.write_text(text)
    assert not yolo.recognizes(path.parent) and len(read(path.parent)) == 1
    with pytest.raises(ValueError, match=f"data.yaml.*{words}"):
        read(path)


@pytest.mark.parametrize("name", ["bccd_160", "kangaroo_160"])
def test_real_boxes_survive_the_way_through_yolo(name, data_folder, tmp_path):
    expected = voc.read(data_folder / name, "all")
    names = list(expected.class_names)
    (tmp_path / "images").symlink_to(data_folder / name / "JPEGImages")
    (tmp_path / "labels").mkdir()
    for photo in expected:
        rows = []
        for item in photo.objects:
            corners = np.reshape(item.box, (2, 2)) / (photo.width, photo.height)
            shares = [*corners.mean(0), *np.ptp(corners, axis=0)]
            numbers = " ".join(f"{share:.6f}" for share in shares)
            rows.append(f"{names.index(item.name)} {numbers}\n")
        (tmp_path / "labels" / f"{photo.image_id}.txt").write_text("".join(rows))
    content = {"names": names, "train": "images"}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(content))
    photos = {photo.image_id: photo for photo in read(tmp_path)}
    assert len(photos) == len(expected)
    for photo in expected:
        again = photos[photo.image_id]
        assert (again.width, again.height) == (photo.width, photo.height)
        assert [item.name for item in again.objects] == [i.name for i in photo.objects]
        for item, other in zip(again.objects, photo.objects, strict=True):
            assert item.box == pytest.approx(other.box, abs=0.02)
