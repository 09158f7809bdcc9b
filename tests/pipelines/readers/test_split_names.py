import pytest

from pipelines.readers.sources import read, splits
from pipelines.readers.split_names import (
    as_split,
    choose_splits,
    reported_split,
    split_folders,
    splits_in,
    unused_splits,
)


def test_words_for_splits_are_known_in_any_case_and_other_names_kept():
    names = ["Train", "VAL", "Valid", "test", "TrainVal", "cat_Train", "Site"]
    expected = ["train", "val", "valid", "test", "trainval", "cat_Train", "Site"]
    assert [*map(as_split, names)] == expected
    found = [*map(splits_in, ("Valid2017", "ann_train-val", "constraint"))]
    assert found == [{"val"}, {"train", "val"}, set()]


def test_folders_of_splits_are_found_in_any_case(tmp_path):
    for name in ("Test", "cat", "TRAIN", ".val"):
        (tmp_path / name).mkdir()
    (tmp_path / "valid").touch()
    found = {"train": tmp_path / "TRAIN", "test": tmp_path / "Test"}
    assert split_folders(tmp_path) == found and [*found] == ["train", "test"]
    assert split_folders(tmp_path / "gone") == {}


@pytest.mark.parametrize(
    ("found", "asked", "chosen"),
    [
        ("train val test", None, "train"),
        ("val test", None, "val test"),
        ("train val test", "TEST", "test"),
        ("train val valid", "valid", "valid"),
        ("train val test", "validation", "val"),
        ("train val test", "all", "train val test"),
    ],
)
def test_splits_are_those_asked_for_else_train_else_all(found, asked, chosen):
    assert choose_splits("set", found.split(), asked) == (*chosen.split(),)


@pytest.mark.parametrize(
    ("found", "asked", "words"),
    [
        ("val test", "train", "set has no split 'train'.*: val, test"),
        ("train test", "val", "no split 'val'.*: train, test"),
        ("", "all", "no split 'all'.*: train, val, test"),
        ("", None, "no split 'train'.*: train, val, test"),
    ],
)
def test_split_that_is_not_there_is_told_with_those_that_are(found, asked, words):
    with pytest.raises(ValueError, match=words):
        choose_splits("set", found.split(), asked)


def test_two_folders_or_lists_of_one_split_are_told_with_both_names(
    tmp_path, write_photo
):
    for name in ("TRAIN", "Train", "val"):
        write_photo(tmp_path / "folders" / name / "a.jpg")
        write_photo(tmp_path / "tree" / "JPEGImages" / f"{name}.jpg")
        (tmp_path / "tree" / "ImageSets").mkdir(exist_ok=True)
        (tmp_path / "tree" / "ImageSets" / f"{name}.txt").write_text(name)
    for source, names in (
        ("folders", "TRAIN and Train"),
        ("tree", "TRAIN.txt and Train.txt"),
    ):
        with pytest.raises(ValueError, match=f"has both {names}"):
            read(tmp_path / source, "train")


@pytest.mark.parametrize("beside", [False, True], ids=["photos", "VOC"])
def test_photos_in_folders_of_splits_have_no_class_of_that_name(
    beside, tmp_path, write_photo, voc_xml
):
    for place in ("Train/a", "Train/b", "Test/c"):
        write_photo(tmp_path / f"{place}.jpg")
        if beside:
            xml = voc_xml(("cat", (1, 1, 9, 9)))
            (tmp_path / f"{place}.xml").write_text(xml)
    names = [name for name in splits(tmp_path) if name != "all"]
    assert sorted(names) == ["test", "train"]
    for split, ids in ((None, "ab"), ("train", "ab"), ("Test", "c"), ("test", "c")):
        photos = read(tmp_path, split)
        assert [photo.image_id for photo in photos] == [*ids]
        assert photos.class_names == ("cat",) * beside


@pytest.mark.parametrize(
    ("found", "used", "reported"),
    [
        ("train val test", [None, "val"], "test"),
        ("train valid", ["train", None], "valid"),
        ("train val valid", ["validation"], None),
        ("train other", [], None),
        ("train val trainval test", ["trainval"], "test"),
        ("train val trainval", ["trainval", None], None),
        ("train val test", ["all"], None),
        ("train test", ["train[:50%]+test[:10%]"], None),
    ],
)
def test_the_split_to_measure_on_is_one_that_nothing_was_learned_or_chosen_by(
    found, used, reported
):
    assert reported_split(unused_splits(found.split(), used)) == reported


def test_split_in_use_takes_those_that_hold_its_photos_with_it():
    found = ["all", "other", "train", "trainval", "val"]
    assert unused_splits(found, ["train"]) == ["other", "val"]
    assert unused_splits(found, ["TrainVal"]) == ["other"]
    assert unused_splits(found, [None]) == ["other", "train", "trainval", "val"]


def test_list_is_in_use_by_its_whole_name_in_any_case_of_a_split():
    assert unused_splits(["train+aug", "val"], ["train+aug"]) == ["val"]
    assert unused_splits(["my[1]", "other"], ["my[1]"]) == ["other"]
    assert unused_splits(["Train", "test"], ["train[:50%]"]) == ["test"]
