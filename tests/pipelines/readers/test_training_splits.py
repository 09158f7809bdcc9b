import json

import pytest

from pipelines.photos.label_subsets import stratified_share
from pipelines.photos.photo import Photos
from pipelines.readers.sources import read, splits
from pipelines.readers.training_splits import (
    read_labeled,
    read_training,
    split_validation,
    used_splits,
)
from pipelines.reports.set_report import report_set
from tests.pipelines.photos.labelled_photos import counts, ids, photo


@pytest.fixture
def tree(tmp_path, write_voc, voc_xml):
    """Returns `tree(name, lists)`: 30 photos, 20 of cats and 10 of dogs."""

    def tree(name="tree", lists=None):
        annotations = {
            f"{i:02d}": voc_xml(("cat" if i < 20 else "dog", (1, 1, 30, 20)))
            for i in range(30)
        }
        return write_voc(tmp_path / name, annotations, lists)

    return tree


def test_tree_without_lists_is_split_80_to_20_by_class_and_seed(tree):
    folder = tree()
    training, held_out = read_training(folder)
    assert counts(training) == {"cat": 16, "dog": 8}
    assert counts(held_out) == {"cat": 4, "dog": 2}
    assert not set(ids(training)) & set(ids(held_out))
    again, other = (ids(read_training(folder, seed=seed)[1]) for seed in (0, 1))
    assert ids(held_out) == again != other


ALL = [f"{i:02d}" for i in range(30)]


@pytest.mark.parametrize(
    ("lists", "split", "expected"),
    [
        ({"train": ["03", "01"], "val": ["02"]}, None, ["03", "01"]),
        ({"trainval": ["03"], "test": ["01"]}, None, ["03"]),
        ({"train": ["01"], "trainval": ["01", "03"]}, None, ["01"]),
        (None, "all", ALL),
    ],
)
def test_lists_and_named_splits_hold_nothing_out(lists, split, expected, tree):
    training, held_out = read_training(tree(lists=lists), split)
    assert ids(training) == expected and held_out is None


def test_splits_in_use_are_those_named_or_learned_from_by_default():
    assert used_splits(["val", "trainval", "train"]) == ["train"]
    assert used_splits(["val", "trainval"], None, "val") == ["trainval", "val"]
    assert used_splits(["val", "test"]) == ["all"]
    assert used_splits(["train", "mine"], "mine") == ["mine"]


def test_list_default_alone_is_no_split_as_cvat_writes_it(tree):
    lists = {"default": ALL, "cat_default": [f"{name}  1" for name in ALL[:20]]}
    training, held_out = read_training(tree(lists=lists))
    assert counts(training) == {"cat": 16, "dog": 8} and not training.problems
    assert counts(held_out) == {"cat": 4, "dog": 2}
    folder = tree("b", {"train": ["03"], **lists})
    assert splits(folder) == ("default", "train", "all")
    assert ids(read_training(folder)[0]) == ["03"]


def test_without_a_list_to_learn_from_all_photos_are_taken_and_that_is_told(tree):
    folder = tree(lists={"test": ["03"], "val": ["01"]})
    training, held_out = read_training(folder)
    assert ids(training) == ALL and held_out is None
    (problem,) = training.problems
    assert "test, val" in problem.reason and "--train-split" in problem.reason
    assert not read_training(folder, "val")[0].problems
    assert not read(folder).problems  # without labels nothing is given away


def test_each_of_several_trees_gives_its_own_list(tree):
    one, two = (
        tree("a", {"train": ["01"], "val": ["02"]}),
        tree("b", {"trainval": ["03"]}),
    )
    assert ids(read_labeled([one, two])) == ["01", "03"]
    assert ids(read([one, two])) == ["01", *ALL]


def test_of_several_sources_only_trees_without_lists_are_split(tree):
    with_lists, without = tree("a", {"train": ["01", "21"]}), tree("b")
    training, held_out = read_training([with_lists, without])
    assert ids(training)[:2] == ["01", "21"]
    assert {photo.source for photo in held_out} == {"b"}
    assert (len(training), len(held_out)) == (2 + 24, 6)
    assert len(training.whole) == 32
    # The same photos as when the tree is alone.
    assert ids(held_out) == ids(read_training(without)[1])


def labelled(num_cats, num_dogs):
    names = ["cat"] * num_cats + ["dog"] * num_dogs
    return Photos([photo(f"{i:03d}", name) for i, name in enumerate(names)], "set")


def test_shares_are_of_the_photos_that_are_annotated(
    tmp_path, write_voc, write_photo, voc_xml
):
    annotations = {
        f"{i:02d}": None if i % 3 else voc_xml(("cat", (1, 1, 30, 20)))
        for i in range(30)
    }
    tree = write_voc(tmp_path / "tree", annotations)
    training, held_out = read_training(tree)
    assert (len(training), len(held_out)) == (8, 2)
    assert all(photo.annotated for photo in [*training, *held_out])
    assert report_set(training).num_not_annotated == 20
    folder = write_photo(tmp_path / "folder" / "a.jpg").parent
    assert [len(part) for part in read_training([tree, folder])] == [8, 2]
    assert len(read_training(folder)[0]) == 1  # what is wrong is told later


def test_validation_is_15_percent_of_every_class_from_50_photos_on():
    training, validation = split_validation(labelled(100, 40))
    assert counts(validation) == {"cat": 15, "dog": 6}
    assert sorted(ids(training) + ids(validation)) == ids(labelled(100, 40))
    photos = labelled(40, 9)
    assert split_validation(photos) == (photos, None)
    assert len(split_validation(labelled(40, 10))[1]) == 8  # 15 % of 50 is 7.5


def test_last_photo_of_a_class_is_trained_on():
    for seed in range(20):
        training, _ = split_validation(labelled(60, 1), share=0.9, seed=seed)
        assert counts(training)["dog"] == 1


def test_validation_is_drawn_apart_from_the_80_to_20():
    """The same draw would take the photos that the first split left at its end."""
    photos = labelled(60, 40)
    _, first = split_validation(photos, share=0.2)
    kept = stratified_share(photos, 0.8, "training 0")
    second = photos.take(set(range(100)) - kept)
    assert len(first) == len(second) == 20
    assert len(set(ids(first)) & set(ids(second))) < 12


@pytest.mark.parametrize("share", [0, 1, 1.5])
def test_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match=f"between 0 and 1.*{share}"):
        split_validation(labelled(60, 40), share=share)


def test_real_tree_without_lists(data_folder):
    training, held_out = read_training(data_folder / "kangaroo_160")
    assert (len(training), len(held_out)) == (130, 33)


@pytest.mark.parametrize(
    ("name", "num_held_out"),
    [
        ("labels.json", 6),
        ("instances_Train2017.json", 0),
        ("pascal_trainval2007.json", 0),
        ("TrainVal/labels.json", 0),
        ("valid/labels.json", 0),
        ("training/_annotations.coco.json", 0),
    ],
)
def test_json_that_is_not_named_after_a_split_is_split_80_to_20(
    tmp_path, write_photo, name, num_held_out
):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    images, annotations = [], []
    for number in range(30):
        write_photo(path.parent / f"{number:02}.jpg")
        images.append({"id": number, "file_name": f"{number:02}.jpg"})
        annotations.append(
            {"image_id": number, "category_id": number % 3 // 2, "bbox": [0, 0, 3, 3]}
        )
    categories = [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(content))
    training, held_out = read_training(path)
    assert len(training) == 30 - num_held_out
    if num_held_out:
        assert counts(held_out) == {"cat": 4, "dog": 2}
    else:
        assert held_out is None
    training, held_out = read_training(path, "all")
    assert len(training) == 30 and held_out is None
