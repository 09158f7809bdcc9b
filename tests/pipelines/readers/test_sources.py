import json
import pathlib

import numpy as np
import pytest

from pipelines.readers.sources import read, splits
from pipelines.scenes import dataset

IMAGES = np.zeros((2, 4, 4, 3), "uint8")


@pytest.fixture
def sources(tmp_path, write_photo, write_voc, voc_xml):
    """One source of each kind that lies on disk, by the id of its photo."""
    write_photo(tmp_path / "folder" / "in_folder.jpg")
    write_voc(tmp_path / "tree", {"in_tree": voc_xml()}, {"train": ["in_tree"]})
    write_photo(tmp_path / "coco" / "in_json.jpg")
    content = {"images": [{"id": 1, "file_name": "in_json.jpg"}]}
    (tmp_path / "coco" / "set.json").write_text(json.dumps(content))
    np.savez(tmp_path / "in.npz", images=IMAGES[:1])
    return {
        "in_folder": tmp_path / "folder",
        "in_tree": tmp_path / "tree",
        "in_json": tmp_path / "coco" / "set.json",
        "0": tmp_path / "in.npz",
    }


def test_each_kind_is_recognized_and_several_follow_one_another(sources):
    for image_id, path in sources.items():
        for source in (path, str(path)):
            assert [photo.image_id for photo in read(source)] == [image_id]
    photos = read([*sources.values(), IMAGES])
    assert [photo.image_id for photo in photos] == [*sources, "0", "1"]
    assert [photo.source for photo in photos[:3]] == ["folder", "tree", "coco/set"]
    assert photos.name == "folder + tree + coco/set + in + arrays"


def test_problems_of_several_sources_are_gathered(tmp_path, write_voc):
    trees = [write_voc(tmp_path / name, {"a": "broken"}) for name in "xy"]
    places = [problem.path_name for problem in read(trees).problems]
    assert places == [str(tree / "Annotations" / "a.xml") for tree in trees]


def test_sources_of_one_name_are_told_apart_by_their_path(tmp_path, write_photo):
    paths = [tmp_path / parent / "images" for parent in "ab"]
    for path in paths:
        write_photo(path / "1.jpg")
    assert [photo.source for photo in read(paths)] == [str(path) for path in paths]


def test_scenes_are_the_drawn_data_set(tmp_path, monkeypatch, write_voc):
    lists = {"train": ["a"], "val": ["b"]}
    tree = write_voc(tmp_path / "VOC2007", dict.fromkeys("ab"), lists)
    monkeypatch.setattr(dataset, "scenes_folder", lambda progress: tree.parent)
    assert [photo.image_id for photo in read("scenes")] == ["a"]
    assert [photo.image_id for photo in read("scenes", "val")] == ["b"]
    assert read("scenes").name == "scenes"


def test_a_folder_called_scenes_is_a_folder(tmp_path, monkeypatch, write_photo):
    write_photo(tmp_path / "scenes" / "1.jpg")
    monkeypatch.chdir(tmp_path)
    assert len(read("./scenes")) == len(read(pathlib.Path("scenes"))) == 1


def test_home_folder_is_expanded_and_a_source_twice_refused(sources, monkeypatch):
    folder = sources["in_folder"]
    monkeypatch.setenv("HOME", str(folder.parent))
    assert len(read("~/folder")) == 1
    monkeypatch.chdir(folder.parent)
    with pytest.raises(ValueError, match="folder twice"):
        read([folder, "folder"])


def test_splits_are_those_that_can_be_read(sources, tmp_path, write_voc, write_photo):
    for source in (sources["in_json"], sources["0"], IMAGES):
        with pytest.raises(ValueError, match="'val' cannot be chosen"):
            read(source, "val")
    all_of_it = {"in_tree": ("train", "all"), "in_json": ("all",)}
    kinds = {"in_folder": (), "0": (), **all_of_it}
    assert {key: splits(path) for key, path in sources.items()} == kinds
    assert len(read(sources["in_json"], "all")) == 1
    assert splits(IMAGES) == () and splits("scenes") == ("train", "val", "all")
    assert splits(write_voc(tmp_path / "whole", {"a": None})) == ("all",)
    lists = {"train": ["a"], "val": ["a"], "cat_val": ["a 1"]}
    assert splits(write_voc(tmp_path / "t", {"a": None}, lists))[:2] == ("train", "val")
    for name in ("train", "test", "other"):
        write_photo(tmp_path / "splits" / name / "1.jpg")
    assert splits(tmp_path / "splits") == ("train", "test")
    with pytest.raises(FileNotFoundError, match="no_such_folder"):
        splits("no_such_folder")


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("no_such_folder", FileNotFoundError, "no_such_folder.*VOC tree.*scenes"),
        (__file__, ValueError, "test_sources.py is a file of an unknown kind"),
        ([], ValueError, "empty list"),
        (7, ValueError, "int"),
        (None, ValueError, "NoneType"),
        (b"folder", ValueError, "bytes"),
    ],
)
def test_what_is_no_source_is_refused(source, error, words):
    with pytest.raises(error, match=words):
        read(source)
