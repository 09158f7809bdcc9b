"""The readers on the real trees; counts are those of the files."""

import json
import zipfile

import pytest
from defusedxml import ElementTree

from pipelines.readers.sources import read

# Folder: photos of the default split, all photos.
TREES = {
    "voc2007_5cls_160": (1200, 1550),
    "voc2007_originals": (150, 150),
    "coco_person_160": (1400, 1600),
    "bccd_160": (205, 364),
    "kangaroo_160": (163, 163),
    "raccoon_160": (200, 200),
    "fruit_160": (240, 300),
}


@pytest.mark.parametrize("name", TREES)
def test_trees_are_read_whole(name, data_folder):
    default, everything = read(data_folder / name), read(data_folder / name, "all")
    assert (len(default), len(everything)) == TREES[name]
    assert len({photo.image_id for photo in everything}) == len(everything)
    for photo in everything:
        assert photo.width and photo.height
        for item in photo.objects:
            x_min, y_min, x_max, y_max = item.box
            assert 0 <= x_min < x_max <= photo.width
            assert 0 <= y_min < y_max <= photo.height


def test_boxes_are_those_of_the_files_but_for_one_pixel(data_folder):
    tree = data_folder / "voc2007_5cls_160"
    for photo in read(tree, "val"):
        root = ElementTree.parse(tree / "Annotations" / f"{photo.image_id}.xml")
        expected = [
            tuple(
                float(box.findtext(tag)) - tag.endswith("min")
                for tag in ("xmin", "ymin", "xmax", "ymax")
            )
            for box in root.iterfind("object/bndbox")
        ]
        assert [item.box for item in photo.objects] == expected


def test_tiny_imagenet_has_its_classes_and_photos(data_folder):
    path = data_folder / "tiny_imagenet" / "val.json"
    photos = read(path)
    content = json.loads(path.read_text())
    assert len(photos) == len(content["images"]) == 4000
    assert len(photos.class_names) == 200 and not photos.problems
    objects = sum(len(photo.objects) for photo in photos)
    assert objects == len(content["annotations"])
    entry = content["images"][17]
    with zipfile.ZipFile(path.with_suffix(".zip")) as archive:
        assert photos[17].load() == archive.read(entry["file_name"])


def test_flat_folder_of_photos_has_no_classes(data_folder):
    photos = read(data_folder / "imagenet_sample1000_160")
    assert len(photos) == 1000 and photos.class_names == ()
