"""Hostile annotations from the file to the batch: each is told by its file's name."""

import json

import numpy as np
import pytest

from pipelines.pools.preparation import prepare_labeled
from pipelines.readers.sources import read
from pipelines.reports.data_report import report_data

pytest.importorskip("tensorflow")

LAUGHS = (
    '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><annotation>&c;</annotation>'
)
GOOD = (2, 3, 20, 21)


@pytest.fixture
def bad_xml(voc_xml):
    """Maps stems to annotations, each with one good box where that is possible."""

    def beside_good(box, name="cat"):
        return voc_xml((name, box), ("cat", GOOD))

    return {
        "broken": "<annotation><object>",
        "laughs": LAUGHS,
        "no_box": beside_good(GOOD).replace("bndbox>", "box>", 2),
        "no_name": beside_good(GOOD, name=""),
        "no_tag": beside_good(GOOD).replace("<ymin>3</ymin>", "", 1),
        "swapped": beside_good((30, 3, 20, 21)),
        "negative": beside_good((-90, -90, -30, -30)),
        "partly_negative": beside_good((-9, -9, 30, 30)),
        "not_a_number": beside_good(("nan", 3, 20, 21)),
        "text": beside_good(("two", 3, 20, 21)),
        "float": beside_good((2.5, 3.25, 20, 21)),
        "unknown": beside_good(GOOD, name="unicorn"),
        "escaping": voc_xml(("cat", GOOD)).replace(
            "<size>", "<filename>../../secret.jpg</filename><size>"
        ),
        "wrong_size": voc_xml(("cat", GOOD)).replace("<width>40", "<width>400"),
    }


KINDS = {
    "broken": "annotation unreadable",
    "laughs": "annotation unreadable",
    "no_box": "box dropped: no box",
    "no_name": "box dropped: no name",
    "no_tag": "box dropped: coordinate missing",
    "swapped": "box dropped: corners swapped",
    "negative": "box dropped: outside the photo",
    "partly_negative": "box clipped",
    "not_a_number": "box dropped: not finite",
    "text": "box dropped: not a number",
    "unknown": "box dropped: unknown class",
    "escaping": "file name leaves the tree",
    "wrong_size": "size mismatch",
}


def test_voc_every_bad_annotation_is_told_and_the_rest_is_used(
    tmp_path, write_voc, bad_xml
):
    lists = {"train": [*bad_xml, "missing", "../../etc/passwd"]}
    tree = write_voc(tmp_path / "tree", bad_xml, lists)
    pool = prepare_labeled(tree, 40, class_names=["cat"])
    told = {
        (problem.path_name.rpartition("/")[2].partition(".")[0], problem.kind)
        for problem in pool.problems
    }
    assert told == {*KINDS.items(), ("train", "photo missing")}
    assert len(pool.problems) == len(KINDS) + 2
    assert len(pool) == len(bad_xml)
    counts = {photo.image_id: len(photo.objects) for photo in pool.photos}
    assert counts.pop("broken") == counts.pop("laughs") == 0
    assert counts.pop("float") == counts.pop("partly_negative") == 2
    assert set(counts.values()) == {1}
    boxes = next(pool.evaluation_batches(100))["bounding_boxes"]
    present = boxes["boxes"][boxes["classes"] >= 0]
    assert np.isfinite(present).all()
    assert present.min() >= 0 and present[:, 3].max() <= 30
    text = report_data(pool).text()
    assert all(kind in text for kind in KINDS.values())


def test_voc_localization_goes_on_without_what_has_no_box(tmp_path, write_voc, bad_xml):
    tree = write_voc(tmp_path / "tree", bad_xml)
    pool = prepare_labeled(tree, 40, class_names=["cat"], main_object_only=True)
    left_out = {photo.image_id for photo in pool.left_out}
    assert left_out == {"broken", "laughs"}
    assert len(pool) == len(bad_xml) - 2


@pytest.mark.parametrize("stem", ["broken", "laughs"])
def test_voc_where_nothing_is_left_it_stops_by_name(stem, tmp_path, write_voc, bad_xml):
    tree = write_voc(tmp_path / "tree", {stem: bad_xml[stem]})
    with pytest.raises(ValueError, match=f"no usable box.*{stem}.xml"):
        prepare_labeled(tree, 40)


BAD_BOXES = {
    "box dropped: corners swapped": [20, 20, -10, 5],
    "box dropped: outside the photo": [-50, -50, 10, 10],
    "box dropped: not finite": [float("nan"), 1, 5, 5],
    "box dropped: not a number": ["1", 1, 5, 5],
    "box dropped: empty": [1, 1, 0, 5],
    "box clipped": [30, 20, 90, 90],
}


def test_coco_every_bad_annotation_is_told_and_the_rest_is_used(tmp_path, write_photo):
    write_photo(tmp_path / "1.jpg")
    (tmp_path.parent / "secret.jpg").write_bytes(b"")
    boxes = [*BAD_BOXES.values(), [1.5, 2.5, 10, 10]]
    annotations = [{"image_id": 1, "category_id": 7, "bbox": box} for box in boxes]
    annotations.append({"image_id": 1, "category_id": 8, "bbox": [1, 1, 5, 5]})
    annotations.append({"image_id": 9, "category_id": 7, "bbox": [1, 1, 5, 5]})
    images = [
        {"id": 1, "file_name": "1.jpg", "width": 40, "height": 30},
        {"id": 2, "file_name": "gone.jpg"},
        {"id": 3, "file_name": "../secret.jpg"},
        {"file_name": "1.jpg"},
    ]
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 7, "name": "cat"}],
    }
    path = tmp_path / "set.json"
    path.write_text(json.dumps(content))
    pool = prepare_labeled(path, 40)
    assert {problem.path_name for problem in pool.problems} == {str(path)}
    kinds = sorted(problem.kind for problem in pool.problems)
    others = ["box dropped: unknown class", "entry unusable", *["photo missing"] * 3]
    assert kinds == sorted([*BAD_BOXES, *others])
    assert [item.box for item in pool.photos[0].objects] == [
        (30, 20, 40, 30),
        (1.5, 2.5, 11.5, 12.5),
    ]


def test_photo_that_is_annotated_but_unreadable_is_skipped_by_name(
    tmp_path, write_voc, voc_xml
):
    tree = write_voc(tmp_path / "tree", {s: voc_xml(("cat", GOOD)) for s in "ab"})
    (tree / "JPEGImages" / "b.jpg").write_bytes(b"<html>")
    pool = prepare_labeled(read(tree), 40)
    assert [item.name.rpartition("/")[2] for item in pool.skipped] == ["b.jpg"]
    assert len(pool) == 1
