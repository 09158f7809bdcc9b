import json
import shutil

import pytest
import yaml

from pipelines.pools.preparation import prepare_labeled
from pipelines.readers import coco, labelled_source
from pipelines.readers.labelled_source import tell_of_labelled_source
from pipelines.readers.sources import read

BOX = {"image_id": 1, "category_id": 1, "bbox": [2, 2, 10, 10]}
COCO = {
    "images": [{"id": 1, "file_name": "a.jpg"}],
    "annotations": [BOX],
    "categories": [{"id": 1, "name": "cat"}],
}


@pytest.fixture
def tree(tmp_path, write_voc, voc_xml):
    """A VOC tree of one photo."""
    return write_voc(tmp_path / "VOC", {"a": voc_xml(("cat", (2, 2, 12, 12)))})


def test_photos_of_a_voc_tree_name_the_tree(tree):
    told = f"a VOC tree or devkit: give {tree}."
    assert told in tell_of_labelled_source(read(tree / "JPEGImages"))
    with pytest.raises(ValueError, match=f"give {tree}"):
        prepare_labeled(tree / "JPEGImages", 32)


@pytest.mark.parametrize("below", ["annotations/instances.json", "boxes.json"])
def test_photos_beside_a_coco_json_name_the_json(tmp_path, write_photo, below):
    write_photo(tmp_path / "set" / "images" / "a.jpg", 0)
    path = tmp_path / "set" / below
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(COCO))
    photos = read(tmp_path / "set" / "images")
    assert f"give {path}." in tell_of_labelled_source(photos)


def test_photos_of_yolo_name_the_data_set_or_want_a_yaml(tmp_path, write_photo):
    split = tmp_path / "set" / "train"
    write_photo(split / "images" / "a.jpg", 0)
    labels = split / "labels" / "a.txt"
    labels.parent.mkdir()
    labels.write_text("0 0.5 0.5 0.2 0.2")
    photos = read(split / "images")
    assert str(labels) in tell_of_labelled_source(photos)
    content = {"names": ["cat"], "train": "train/images"}
    (tmp_path / "set" / "data.yaml").write_text(yaml.safe_dump(content))
    for folder in (split, split / "images"):
        told = tell_of_labelled_source(read(folder))
        assert f"give {tmp_path / 'set'}." in told


def test_what_is_wrong_above_photos_is_no_concern_of_theirs(tmp_path, write_photo):
    write_photo(tmp_path / "photos" / "a.jpg", 0)
    for name in ("train", "Train"):  # two names of one split
        (tmp_path / name).mkdir()
    (tmp_path / "broken.json").write_text("{")
    assert tell_of_labelled_source(read(tmp_path / "photos")) == ""


@pytest.mark.parametrize("name", ["first", "löwe"])
def test_only_a_json_that_may_have_the_boxes_is_read(
    name, tmp_path, write_photo, monkeypatch
):
    write_photo(tmp_path / "photos" / f"{name}.jpg", 0)
    image = {"id": 1, "file_name": f"{name}.jpg"}
    contents = {
        "captions": {**COCO, "images": [image], "annotations": []},
        "empty": "",
        "others": {**COCO, "images": [{"id": 1, "file_name": "x.jpg"}]},
        "right": {**COCO, "images": [image]},
    }
    for stem, content in contents.items():
        text = content and json.dumps(content)
        (tmp_path / f"{stem}.json").write_text(text)
    read_json, was_read = coco.read, []
    monkeypatch.setattr(coco, "read", lambda *a: was_read.append(a) or read_json(*a))
    photos = read(tmp_path / "photos")
    right = tmp_path / "right.json"
    assert f"give {right}." in tell_of_labelled_source(photos)
    assert [source for source, _ in was_read] == [right]
    monkeypatch.setattr(labelled_source, "_MOST_BYTES", 10)
    assert tell_of_labelled_source(photos) == ""


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("löwe.jpg", "löwe.jpg"),
        ("löwe.jpg", r"l\u00f6we.jpg"),
        ("löwe.jpg", r"l\u00F6we.jpg"),
        ("löwe.jpg", "lo\u0308we.jpg"),
        ("lo\u0308we.jpg", "löwe.jpg"),
        ("löwe.jpg", r"photos\/l\u00f6we.jpg"),
        ("my photo.jpg", "my%20photo.jpg"),
        ("Photo1.jpg", "photo1.JPG"),
        ("猫.jpg", "猫.jpg"),
    ],
)
def test_a_json_is_told_however_it_writes_the_name(
    name, written, tmp_path, write_photo
):
    write_photo(tmp_path / "photos" / name, 0)
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps(COCO).replace("a.jpg", written), encoding="utf-8")
    photos = read(tmp_path / "photos")
    assert f"give {path}." in tell_of_labelled_source(photos)


def test_a_json_of_polygons_alone_or_of_utf_16_is_told(tmp_path, write_photo):
    write_photo(tmp_path / "photos" / "a.jpg", 0)
    outline = {"segmentation": [[2, 2, 12, 2, 12, 12]]}
    annotation = {"image_id": 1, "category_id": 1, **outline}
    text = json.dumps({**COCO, "annotations": [annotation]})
    path = tmp_path / "boxes.json"
    for encoding in ("utf-8", "utf-16"):
        path.write_text(text, encoding=encoding)
        photos = read(tmp_path / "photos")
        assert f"give {path}." in tell_of_labelled_source(photos)


def test_photos_that_no_source_gives_with_boxes_name_none(tree, tmp_path):
    beside = shutil.copytree(tree / "JPEGImages", tree / "others")
    assert tell_of_labelled_source(read(beside)) == ""
    assert tell_of_labelled_source(read(tree)) == "", "they are annotated"
