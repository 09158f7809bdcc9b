import numpy as np
import pytest

from pipelines.photos.content import ArrayItem
from pipelines.photos.photo import Object, Photo
from pipelines.pools.usable_objects import usable_photo
from pipelines.readers.sources import read


@pytest.fixture
def check(tmp_path, write_voc):
    """Returns `check(xml, height, width)`: the usable photo, and its problems."""

    def check(text, height=30, width=40, class_names=("cat", "dog")):
        problems = []
        photo = read(write_voc(tmp_path / "tree", {"a": text}))[0]
        return usable_photo(photo, height, width, class_names, problems), problems

    return check


def test_boxes_are_clipped_to_the_photo_as_it_is_and_not_scaled(check, voc_xml):
    text = voc_xml(("cat", (11, 1, 80, 60)), ("cat", (51, 1, 80, 60)))
    stated = text.replace("<width>40", "<width>80").replace("<height>30", "<height>60")
    photo, problems = check(stated)
    assert [item.box for item in photo.objects] == [(10, 0, 40, 30)]
    assert (photo.width, photo.height) == (40, 30)
    assert [problem.kind for problem in problems] == [
        "size mismatch",
        "box clipped",
        "box dropped: outside the photo",
    ]
    assert "80 x 60" in problems[0].reason and "40 x 30" in problems[0].reason
    assert all(problem.path_name.endswith("a.jpg") for problem in problems)


def test_objects_of_other_classes_are_dropped_and_reported(check, voc_xml):
    # The owl is larger, but nobody can learn it.
    text = voc_xml(("cat", (1, 1, 9, 9)), ("owl", (1, 1, 40, 30)))
    photo, problems = check(text)
    assert [item.name for item in photo.objects] == ["cat"] and photo.label == "cat"
    assert [problem.kind for problem in problems] == ["box dropped: unknown class"]
    assert "'owl'" in problems[0].reason


WRONG_SIZES = {"swapped": (30, 40), "of a thumbnail": (8, 6), "of one pixel": (1, 1)}


@pytest.mark.parametrize("kind", WRONG_SIZES)
def test_boxes_are_kept_whole_whatever_size_is_stated_and_that_is_told(
    kind, check, voc_xml
):
    width, height = WRONG_SIZES[kind]
    text = voc_xml(("cat", (31, 2, 40, 30)), ("dog", (1, 1, 40, 5)))
    text = text.replace("<width>40", f"<width>{width}")
    photo, problems = check(text.replace("<height>30", f"<height>{height}"))
    assert [item.box for item in photo.objects] == [(30, 1, 40, 30), (0, 0, 40, 5)]
    assert [problem.kind for problem in problems] == ["size mismatch"]
    assert photo.annotated


@pytest.mark.parametrize(
    ("objects", "annotated"),
    [
        ([], True),
        ([("owl", (1, 1, 9, 9))], True),  # of a class that nobody asked for
        ([("cat", (51, 1, 80, 9))], False),
        ([("cat", (51, 1, 80, 9)), ("owl", (1, 1, 9, 9))], False),
        ([("cat", (51, 1, 80, 9)), ("dog", (1, 1, 9, 9))], True),
    ],
)
def test_photo_whose_boxes_all_lie_outside_is_not_one_without_objects(
    objects, annotated, check, voc_xml
):
    photo, _ = check(voc_xml(*objects))
    assert photo.annotated == annotated


@pytest.fixture
def boxes_of():
    """Returns `boxes_of(*objects)`: usable boxes and flags, and kinds of problems."""

    def boxes_of(*objects):
        problems = []
        items = tuple(Object(*item) for item in objects)
        photo = Photo("a", "set", ArrayItem(np.zeros((1, 99, 99, 3)), 0, "set"), items)
        photo = usable_photo(photo, 99, 99, ("cat", "dog"), problems)
        found = [(item.name, item.box, item.difficult) for item in photo.objects]
        return found, [problem.kind for problem in problems]

    return boxes_of


BOX = (10, 10, 50, 50)
REPEATED = ["box dropped: repeats another"]


@pytest.mark.parametrize("again", [BOX, (10, 10, 50, 51), (9.5, 10, 50.5, 50.5)])
def test_doubled_box_is_told_and_kept_once(again, boxes_of):
    other = ("cat", (30, 30, 60, 60), False)
    found, problems = boxes_of(("cat", BOX), other, ("cat", again))
    assert found == [("cat", BOX, False), other] and problems == REPEATED


def test_boxes_of_other_classes_or_places_are_no_repetition(boxes_of):
    # The third overlaps the first by IoU 40 / 42.5 = 0.94.
    found, problems = boxes_of(
        ("cat", BOX), ("dog", BOX), ("cat", (10, 10, 50, 52.5)), ("dog", (0, 0, 9, 9))
    )
    assert len(found) == 4 and not problems


def test_of_doubled_boxes_the_one_that_is_not_difficult_stays(boxes_of):
    found, problems = boxes_of(("cat", BOX, True), ("cat", BOX), ("cat", BOX, True))
    assert found == [("cat", BOX, False)] and problems == REPEATED * 2


def test_box_that_is_doubled_only_once_it_is_clipped_is_kept_once(boxes_of):
    found, problems = boxes_of(("cat", (0, 0, 99, 99)), ("cat", (0, 0, 300, 300)))
    assert len(found) == 1 and problems == ["box clipped", *REPEATED]
