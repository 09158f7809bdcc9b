import os

import pytest

from pipelines.photos.listing import is_photo_name, list_files
from pipelines.readers import folder as folder_reader
from pipelines.readers.folder import read


@pytest.fixture
def write(tmp_path):
    """Returns `write(*names)`, which makes empty files and returns their folder."""

    def write(*names):
        for name in names:
            path = tmp_path / "photos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
        return tmp_path / "photos"

    return write


def test_photos_are_found_at_any_depth_and_sorted(write):
    folder = write(
        "c.JPG", "a/b/d.png", "my cat.webp", "кот.jpg", "readme.txt", "a/._x.jpg"
    )
    photos = read(folder)
    assert [photo.image_id for photo in photos] == ["d", "c", "my cat", "кот"]
    assert photos.name == "photos" and photos[0].source == "photos"


def test_photos_of_one_name_in_several_folders_are_told_apart(write):
    photos = read(write("cam1/0.jpg", "cam2/0.jpg", "cam2/day/1.jpg"))
    assert [photo.image_id for photo in photos] == ["cam1/0", "cam2/0", "1"]


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["cat/1.jpg", "cat/old/2.jpg", "dog/3.jpg", "4.jpg"], "cat cat dog None"),
        (["images/1.jpg", "images/2.jpg"], "None None"),
        (["train/1.jpg", "bus/2.jpg"], "train bus"),
        (["train/cat/1.jpg", "train/dog/2.jpg", "val/cat/3.jpg"], "cat dog"),
    ],
)
def test_label_is_the_first_level_subfolder_of_several(names, labels, write):
    photos = {photo.image_id: photo.label for photo in read(write(*names))}
    assert " ".join(str(photos[key]) for key in sorted(photos)) == labels


def test_a_named_split_is_the_subfolder(write):
    folder = write("train/1.jpg", "val/cat/3.jpg", "none/notes.txt")
    assert [photo.image_id for photo in read(folder, "val")] == ["3"]
    with pytest.raises(ValueError, match="no split 'test'"):
        read(folder, "test")
    with pytest.raises(ValueError, match="none holds no photos"):
        read(folder / "none")


def test_all_splits_are_read_together_with_the_classes_of_their_folders(write):
    folder = write("train/cat/1.jpg", "train/dog/2.jpg", "Val/cat/3.jpg", "5.jpg")
    labels = {photo.image_id: photo.label for photo in read(folder, "all")}
    assert labels == {"1": "cat", "2": "dog", "3": "cat", "5": None}
    write("all/6.jpg")
    assert [photo.image_id for photo in read(folder, "all")] == ["6"]


def test_linked_folder_is_read_and_a_circle_ends(write, tmp_path):
    folder = write("cat/1.jpg", "dog/2.jpg")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "3.jpg").write_bytes(b"")
    os.symlink(elsewhere, folder / "emu")
    os.symlink(folder, folder / "cat" / "circle")
    assert [photo.image_id for photo in read(folder)] == ["1", "2", "3"]
    assert len(list_files(folder, [])) == 3


def test_folders_that_cannot_be_read_are_told(write, lock):
    folder = write("cat/1.jpg", "dog/2.jpg", "emu/3.jpg")
    lock(folder / "dog")
    photos = read(folder)
    assert [photo.image_id for photo in photos] == ["1", "3"]
    (problem,) = photos.problems
    assert problem.path_name == str(folder / "dog")
    assert problem.kind == "folder unreadable"
    assert "left out: Permission denied" in problem.reason
    for name in ("cat", "emu"):
        lock(folder / name)
    with pytest.raises(ValueError, match="holds no photos.*cat: .*Permission denied"):
        read(folder)
    lock(folder)
    with pytest.raises(ValueError, match="photos cannot be read: Permission denied"):
        read(folder)


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["labels/0.txt", "labels/1.txt", "classes.txt"], "2 .txt files"),
        (["annotations/train.json", "0.txt"], "1 .json and 1 .txt files"),
        (["_annotations.csv", "cats.tfrecord"], "1 .csv and 1 .tfrecord files"),
        (["annotations.xml"], "1 .xml files"),
        (["readme.txt", "sitemap.xml"], None),
    ],
)
def test_labels_in_no_known_layout_are_told(labels, told, write):
    folder = write("images/0.jpg", "images/1.jpg", *labels)
    if (folder / "annotations.xml").exists():  # as CVAT writes it for images
        text = '<annotations><image name="0.jpg"/></annotations>'
        (folder / "annotations.xml").write_text(text)
    photos = read(folder)
    assert [problem.kind for problem in photos.problems] == ["labels not read"] * (
        told is not None
    )
    assert told is None or told in photos.problems[0].reason


def test_of_many_files_beside_a_split_few_are_looked_at(write, monkeypatch):
    monkeypatch.setattr(folder_reader, "_NUM_BESIDE", 5)
    monkeypatch.setattr(folder_reader, "_NUM_LOOKED_INTO", 3)
    opened = []
    monkeypatch.setattr(folder_reader, "looks_like_annotation", opened.append)
    names = [f"notes/{place}{n}.xml" for place in ("", "a/") for n in range(9)]
    folder = write("train/a.jpg", "val/b.jpg", *names, "notes/a/b/c/a.txt")
    assert read(folder).problems == [] and len(opened) == 3


@pytest.mark.parametrize(
    "name", ["train.json", "annotations/instances_train2017.json", "labels/a.txt"]
)
def test_labels_beside_the_folder_of_a_split_are_told(name, write):
    folder = write("train/a.jpg", "val/b.jpg", "val/val.json", "._train.json", name)
    (problem,) = read(folder).problems
    assert f" 1 .{name.rpartition('.')[2]} files ({name} first)" in problem.reason


def test_photo_names():
    names = "a.jpg a.JPEG a.png a.bmp a.gif a.webp a.tif x/y.jpg"
    assert all(map(is_photo_name, names.split()))
    names = "a.txt a.xml a.json a.zip a.jpg.part .jpg x/._y.jpg __MACOSX/a.jpg"
    assert not any(map(is_photo_name, names.split()))
