import json

import pytest

from pipelines.pools.preparation import prepare_labeled
from pipelines.readers.sources import read, splits
from pipelines.readers.training_splits import read_training

NUMBERS = {"train": (1, 2, 3), "valid": (4, 5), "test": (6,)}
# The set's own name is a category without boxes.
CATEGORIES = [
    {"id": 0, "name": "cells", "supercategory": "none"},
    {"id": 1, "name": "rbc", "supercategory": "cells"},
]


@pytest.fixture
def write_set(tmp_path, write_photo):
    """Returns `write_set(**numbers)`, which writes folders of splits."""

    def write_set(**numbers):
        for split, own in numbers.items():
            names = [f"cell{n}_jpg.rf.{n:04x}.jpg" for n in own]
            for n, name in zip(own, names, strict=True):
                write_photo(tmp_path / "set" / split / name, n)
            content = {
                "images": [{"id": i, "file_name": n} for i, n in enumerate(names)],
                "annotations": [
                    {"id": i, "image_id": i, "category_id": 1, "bbox": [2, 3, n, 9]}
                    for i, n in enumerate(own)
                ],
                "categories": CATEGORIES,
            }
            path = tmp_path / "set" / split / "_annotations.coco.json"
            path.write_text(json.dumps(content))
        return tmp_path / "set"

    return write_set


def widths(photos):
    """The photos' numbers: each box is as wide as its photo's number."""
    return [item.box[2] - item.box[0] for photo in photos for item in photo.objects]


def test_each_split_gives_its_own_photos_with_their_boxes(write_set):
    folder = write_set(**NUMBERS)
    assert splits(folder) == ("train", "valid", "test")
    for split, numbers in NUMBERS.items():
        photos = read(folder, split)
        assert widths(photos) == [*numbers] and photos.name == f"set/{split}"
        assert photos.class_names == ("rbc",) and not photos.problems
    assert widths(read(folder)) == [1, 2, 3]
    assert widths(read(folder, "all")) == [1, 2, 3, 4, 5, 6]
    training, held_out = read_training(folder)
    assert widths(training) == [1, 2, 3] and held_out is None
    pool = prepare_labeled(folder, 32, split="test")
    assert pool.class_names == ("rbc",) and len(pool) == 1


@pytest.mark.parametrize("written", ["val", "valid", "validation"])
@pytest.mark.parametrize("asked", ["val", "valid", "validation"])
def test_words_for_validation_name_the_folder_that_is_there(written, asked, write_set):
    folder = write_set(train=(1,), **{written: (2,)})
    assert splits(folder) == ("train", written)
    assert widths(read(folder, asked)) == [2]


def test_splits_are_found_in_any_case(write_set):
    folder = write_set(Train=(1, 2), TEST=(3,))
    assert splits(folder) == ("train", "test")
    assert [widths(read(folder, name)) for name in (None, "test")] == [[1, 2], [3]]


def test_of_two_validation_folders_the_one_that_is_named_is_read(write_set):
    folder = write_set(val=(1,), valid=(2,))
    assert [widths(read(folder, name)) for name in ("val", "valid")] == [[1], [2]]
    # Without a folder `train`, all is read.
    assert widths(read(folder)) == [1, 2]


def test_one_folder_with_its_json_is_read_with_its_boxes(write_set):
    folder = write_set(**NUMBERS) / "valid"
    assert splits(folder) == ()
    assert widths(read(folder)) == [4, 5] and read(folder).name == "valid"
    with pytest.raises(ValueError, match="'val' cannot be chosen"):
        read(folder, "val")


def test_missing_split_is_told_with_those_that_are_there(write_set):
    folder = write_set(train=(1,), valid=(2,))
    with pytest.raises(ValueError, match="no split 'test'.*train, valid"):
        read(folder, "test")
