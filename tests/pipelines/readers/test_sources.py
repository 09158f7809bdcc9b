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


def test_each_kind_is_recognized(sources):
    for image_id, path in sources.items():
        for source in (path, str(path)):
            assert [photo.image_id for photo in read(source)] == [image_id]


def test_several_sources_follow_one_another(sources):
    photos = read([*sources.values(), IMAGES])
    assert [photo.image_id for photo in photos] == [*sources, "0", "1"]
    assert [photo.source for photo in photos[:3]] == ["folder", "tree", "coco/set"]
    assert photos.name == "folder + tree + coco/set + in + arrays"


def test_problems_of_several_sources_are_gathered(sources):
    for name in ("tree", "tree_2"):
        tree = sources["in_tree"].with_name(name)
        (tree / "JPEGImages").mkdir(parents=True, exist_ok=True)
        (tree / "Annotations").mkdir(exist_ok=True)
        (tree / "JPEGImages" / "in_tree.jpg").write_bytes(b"")
        (tree / "Annotations" / "in_tree.xml").write_text("broken")
    problems = read([sources["in_tree"], tree]).problems
    assert [pathlib.Path(p.path_name).parts[-3] for p in problems] == ["tree", "tree_2"]


def test_sources_of_one_name_are_told_apart_by_their_path(tmp_path, write_photo):
    paths = [tmp_path / parent / "images" for parent in "ab"]
    for path in paths:
        write_photo(path / "1.jpg")
    assert [photo.source for photo in read(paths)] == [str(path) for path in paths]


def test_a_source_twice_is_an_error(sources, monkeypatch):
    folder = sources["in_folder"]
    monkeypatch.chdir(folder.parent)
    with pytest.raises(ValueError, match="folder twice"):
        read([folder, "folder"])


def test_scenes_are_the_drawn_data_set(tmp_path, monkeypatch, write_voc, voc_xml):
    tree = write_voc(
        tmp_path / "VOC2007",
        {"a": voc_xml(), "b": voc_xml()},
        {"train": ["a"], "val": ["b"]},
    )
    monkeypatch.setattr(dataset, "scenes_folder", lambda progress: tree.parent)
    assert [photo.image_id for photo in read("scenes")] == ["a"]
    assert [photo.image_id for photo in read("scenes", "val")] == ["b"]
    assert read("scenes").name == "scenes"


def test_a_folder_called_scenes_is_a_folder(tmp_path, monkeypatch, write_photo):
    write_photo(tmp_path / "scenes" / "1.jpg")
    monkeypatch.chdir(tmp_path)
    assert len(read("./scenes")) == len(read(pathlib.Path("scenes"))) == 1


def test_home_folder_is_expanded(sources, monkeypatch):
    monkeypatch.setenv("HOME", str(sources["in_folder"].parent))
    assert len(read("~/folder")) == 1


def test_split_is_refused_where_there_is_none(sources):
    for source in (sources["in_json"], sources["0"], IMAGES):
        with pytest.raises(ValueError, match="'val' cannot be chosen"):
            read(source, "val")


def test_splits_are_those_that_can_be_read(sources, tmp_path, write_voc, write_photo):
    kinds = {"in_folder": (), "in_tree": ("train", "all"), "in_json": (), "0": ()}
    assert {key: splits(path) for key, path in sources.items()} == kinds
    assert splits(IMAGES) == () and splits("scenes") == ("train", "val", "all")
    assert splits(write_voc(tmp_path / "whole", {"a": None})) == ("all",)
    lists = {"train": ["a"], "val": ["a"], "cat_val": ["a 1"]}
    assert splits(write_voc(tmp_path / "t", {"a": None}, lists))[:2] == ("train", "val")
    for name in ("train", "test", "other"):
        write_photo(tmp_path / "splits" / name / "1.jpg")
    assert splits(tmp_path / "splits") == ("train", "test")
    with pytest.raises(FileNotFoundError, match="no_such_folder"):
        splits("no_such_folder")


def test_missing_path_is_named_with_what_was_expected():
    with pytest.raises(FileNotFoundError, match="no_such_folder.*VOC tree.*scenes"):
        read("no_such_folder")


@pytest.mark.parametrize("source", [7, None, b"folder", {1, 2}])
def test_other_types_are_refused(source):
    with pytest.raises(ValueError, match=type(source).__name__):
        read(source)


def test_no_source_is_an_error():
    with pytest.raises(ValueError, match="empty list"):
        read([])


def test_file_of_another_kind_is_refused(tmp_path, write_photo):
    path = write_photo(tmp_path / "1.jpg")
    with pytest.raises(ValueError, match="1.jpg is a file of an unknown kind"):
        read(path)
