import json

import pytest

from pipelines.readers import coco

IMAGE = {"id": 1, "file_name": "1.jpg", "width": 40, "height": 30}
CATEGORIES = [{"id": 7, "name": "cat"}, {"id": 9, "name": "dog"}]


def annotation(bbox, category_id=7, image_id=1, **more):
    return {"image_id": image_id, "category_id": category_id, "bbox": bbox, **more}


@pytest.fixture
def read(tmp_path, write_photo):
    """Returns `read(images, annotations, categories)` of a json beside two photos."""
    for name in ("1.jpg", "2.jpg"):
        write_photo(tmp_path / "photos" / name)

    def read(images=(IMAGE,), annotations=None, categories=CATEGORIES):
        content = {
            "images": list(images),
            "annotations": annotations,
            "categories": categories,
        }
        path = tmp_path / "set.json"
        path.write_text(json.dumps(content))
        return coco.read(path)

    return read


def test_boxes_become_corners_of_their_photo_whatever_the_order(read):
    second = {"id": "b", "file_name": "2.jpg"}
    annotations = [annotation([0, 0, 9, 9], 9, "b"), annotation([3, 4, 10.5, 6])]
    photos = read([IMAGE, second], annotations)
    found = [[(item.name, item.box) for item in photo.objects] for photo in photos]
    assert found == [[("cat", (3, 4, 13.5, 10))], [("dog", (0, 0, 9, 9))]]
    sizes = [(photo.image_id, photo.width, photo.height) for photo in photos]
    assert sizes == [("1", 40, 30), ("2", None, None)]
    assert photos[0].path_name.endswith("photos/1.jpg")


def test_boxes_that_cvat_rotated_are_read_as_those_around_them(read):
    outline = {"segmentation": [[20, 0, 28, 0, 28, 20, 20, 20]]}
    annotations = [
        annotation([10, 8, 20, 4], attributes={"occluded": False, "rotation": 90.0}),
        annotation([20, 0, 8, 20], attributes={"rotation": 90.0}, **outline),
        annotation([3, 4, 10, 6], attributes={"rotation": 0.0}),
        annotation([3, 4, 10, 7], attributes=[]),
    ]
    photos = read(annotations=annotations)
    first, *others = [item.box for item in photos[0].objects]
    assert first == pytest.approx((18, 0, 22, 20))
    # An outline, and the box around it, are rotated already.
    assert others == [(20, 0, 28, 20), (3, 4, 13, 10), (3, 4, 13, 11)]
    (problem,) = photos.problems
    assert problem.kind == "rotated box read as the box around it"
    assert "annotations[0]" in problem.reason and "90 degrees" in problem.reason


def test_crowds_are_difficult_and_give_no_label(read):
    photos = read(
        annotations=[annotation([0, 0, 40, 30], 9, iscrowd=1), annotation([1, 1, 5, 5])]
    )
    assert [item.difficult for item in photos[0].objects] == [True, False]
    assert [item.crowd for item in photos[0].objects] == [True, False]
    assert photos[0].label == "cat"


def test_areas_of_outlines_are_read_where_they_are_numbers(read):
    stated = (12.5, "7", None, "large", 0, -1, float("nan"))
    boxes = [annotation([1, 1, n + 2, 5], area=area) for n, area in enumerate(stated)]
    (photo,) = read(annotations=boxes)
    areas = [item.mask_area for item in photo.objects]
    assert areas == [12.5, 7.0, None, None, None, None, None]


@pytest.mark.parametrize("as_written", [str, float, lambda value: f" {value}.0 "])
def test_numbers_and_flags_are_read_by_value_whatever_their_type(as_written, read):
    image = {
        "id": as_written(4),
        "file_name": "1.jpg",
        "width": as_written(40),
        "height": as_written(30),
    }
    box = [as_written(value) for value in (3, 4, 10, 6)]
    annotations = [
        annotation(box, as_written(7), 4, iscrowd=as_written(0)),
        annotation(box, 9, as_written(4), iscrowd=as_written(1)),
    ]
    (photo,) = read([image], annotations)
    found = [(item.name, item.box, item.difficult) for item in photo.objects]
    box = (3, 4, 13, 10)
    assert found == [("cat", box, False), ("dog", box, True)]
    assert (photo.width, photo.height) == (40, 30)


@pytest.mark.parametrize(
    ("flag", "is_crowd"),
    [("false", False), ("True", True), (False, False), ("", False), (None, False)],
)
def test_words_are_flags_too(flag, is_crowd, read):
    photos = read(annotations=[annotation([1, 1, 5, 5], iscrowd=flag)])
    assert [item.difficult for item in photos[0].objects] == [is_crowd]


def test_stated_sizes_neither_clip_nor_drop_boxes(read):
    photos = read(annotations=[annotation([30, 20, 90, 5]), annotation([50, 9, 5, 5])])
    boxes = [item.box for item in photos[0].objects]
    assert boxes == [(30, 20, 120, 25), (50, 9, 55, 14)] and not photos.problems


def test_photo_without_a_usable_annotation_is_not_annotated(read):
    images = [IMAGE, {"id": 2, "file_name": "2.jpg"}]
    bad = annotation([1, 1, 5])
    photos = read(images, [bad])  # the second shows no object
    assert [photo.annotated for photo in photos] == [False, True]
    assert read(images, [bad, annotation([1, 1, 5, 5])])[0].annotated
    # A list of photos of a test set, say: nobody knows what they show.
    assert [photo.annotated for photo in read(images, None)] == [False, False]
    assert [photo.annotated for photo in read(images, [])] == [True, True]


def test_photos_know_the_ids_of_their_json_as_they_are_written(read, tmp_path):
    # Roboflow's category 0 is the name of the set, and has no box.
    categories = [{"id": 0, "name": "dog"}, *CATEGORIES, {"id": "5", "name": "hen"}]
    image = {"id": "0012", "file_name": "1.jpg"}
    photos = read([image], [annotation([1, 1, 5, 5], 9, 12)], categories)
    ids = photos[0].original_ids
    assert (ids.image_id, ids.path_name) == ("0012", str(tmp_path / "set.json"))
    assert ids.category_ids == {"cat": 7, "dog": 9, "hen": "5"}
    assert photos.class_names == ("dog",)


def test_url_or_path_stands_in_for_a_file_name(read):
    images = [
        {"id": 1, "coco_url": "http://images.cocodataset.org/val2017/1.jpg"},
        {"id": 2, "file_name": "renamed.jpg", "path": "/datasets/set/2.jpg"},
    ]
    assert [photo.image_id for photo in read(images)] == ["1", "2"]


BAD_ANNOTATIONS = [
    ("box dropped: unknown class", "category 8", annotation([1, 1, 5, 5], 8)),
    ("box dropped: unknown class", "category None", annotation([1, 1, 5, 5], None)),
    ("box dropped: unknown class", "category [7]", annotation([1, 1, 5, 5], [7])),
    ("photo missing", "photo 5", annotation([1, 1, 5, 5], image_id=5)),
    ("photo missing", "photo {}", annotation([1, 1, 5, 5], image_id={})),
    ("box dropped: not a number", "four numbers", annotation([1, 1, 5])),
    ("box dropped: not a number", "bbox is None", annotation(None)),
    ("box dropped: not a number", "['x', 1, 5, 5]", annotation(["x", 1, 5, 5])),
    ("box dropped: not a number", "'maybe'", annotation([1, 1, 5, 5], iscrowd="maybe")),
    ("box dropped: not a number", "'1e'", annotation([1, 1, 5, 5], iscrowd="1e")),
    ("box dropped: not finite", "nan", annotation([1, 1, float("nan"), 5])),
    ("box dropped: not finite", "inf", annotation([1, 1, 10**400, 5])),
    (
        "box dropped: not finite",
        "inf",
        annotation(None, segmentation=[[10**400, 1, 2, 3]]),
    ),
    ("entry unusable", "str", "text"),
]


def test_json_in_shares_is_told_and_gives_no_background(read):
    photos = read(annotations=[annotation([0.1, 0.2, 0.4, 0.8001])] * 2)
    assert not photos[0].objects and not photos[0].annotated
    (problem,) = photos.problems
    assert problem.kind == "box dropped: not in pixels" and "2 boxes" in problem.reason
    photos = read(annotations=[annotation([0.1, 0.2, 0.4, 0.5]), annotation([1] * 4)])
    assert len(photos[0].objects) == 2


def test_a_flag_too_large_for_a_float_is_set(read):
    photos = read(annotations=[annotation([1, 1, 5, 5], iscrowd=10**400)])
    assert [item.difficult for item in photos[0].objects] == [True]


@pytest.mark.parametrize(("kind", "words", "bad"), BAD_ANNOTATIONS)
def test_a_bad_annotation_loses_itself_only(kind, words, bad, read, tmp_path):
    photos = read(annotations=[bad, annotation([1, 1, 5, 5])])
    assert [item.box for item in photos[0].objects] == [(1, 1, 6, 6)]
    (problem,) = photos.problems
    assert (problem.kind, problem.path_name) == (kind, str(tmp_path / "set.json"))
    assert "annotations[0]" in problem.reason and words in problem.reason


BAD_IMAGES = {
    "lacks an id": {"file_name": "2.jpg"},
    "or a file_name": {"id": 2},
    "repeats the id 1": {"id": 1, "file_name": "2.jpg"},
    "'3.jpg' is not beside": {"id": 2, "file_name": "3.jpg"},
    "no photo below": {"id": 2, "file_name": "../set.json"},
    "list, not an object": [],
}


@pytest.mark.parametrize("reason", BAD_IMAGES)
def test_a_bad_photo_entry_loses_itself_only(reason, read):
    photos = read([IMAGE, BAD_IMAGES[reason]])
    assert [photo.image_id for photo in photos] == ["1"]
    assert len(photos.problems) == 1 and reason in photos.problems[0].reason


def test_entries_of_one_file_are_one_photo_with_all_boxes(read):
    again = {"id": 2, "file_name": "photos/1.jpg"}
    annotations = [annotation([0, 0, 9, 9]), annotation([5, 5, 9, 9], 9, 2)]
    photos = read([IMAGE, again], annotations)
    assert [(p.image_id, [o.name for o in p.objects]) for p in photos] == [
        ("1", ["cat", "dog"])
    ]
    (problem,) = photos.problems
    assert problem.kind == "photo repeated" and "photo 2" in problem.reason
    # Of the other entry an object is known, though not where: this one is not empty.
    (photo,) = read([IMAGE, again], [annotation([1], 9, 2)])
    assert not photo.annotated and photo.objects == ()


def test_boxes_of_an_id_that_two_files_have_are_of_neither(read):
    images = [IMAGE, {"id": 1, "file_name": "2.jpg"}]
    (photo,) = read(images, [annotation([0, 0, 9, 9])])
    assert not photo.annotated and photo.objects == ()


@pytest.mark.parametrize(
    "more", [{}, {"file_name": "./1.jpg"}, {"coco_url": "https://host/1.jpg"}]
)
def test_boxes_of_an_id_that_stands_twice_for_one_file_are_its_own(more, read):
    (photo,) = read([IMAGE, {**IMAGE, **more}], [annotation([0, 0, 9, 9])])
    assert photo.annotated and len(photo.objects) == 1


def test_class_of_an_id_that_two_categories_have_is_unknown(read):
    categories = [*CATEGORIES, {"id": 7, "name": "cow"}, {"id": 9, "name": "dog"}]
    annotations = [annotation([0, 0, 9, 9], 7), annotation([5, 5, 9, 9], 9)]
    photos = read(annotations=annotations, categories=categories)
    assert [item.name for item in photos[0].objects] == ["dog"]
    reasons = [problem.reason for problem in photos.problems]
    assert "categories[2] repeats the id 7" in reasons[0] and len(reasons) == 2


@pytest.mark.parametrize(
    ("name", "expected"), [(7, "7"), ("cafe\u0301 ", "caf\u00e9"), ("no", "no")]
)
def test_class_is_called_as_people_read_its_name(name, expected, read):
    photos = read(
        annotations=[annotation([0, 0, 9, 9])], categories=[{"id": 7, "name": name}]
    )
    assert photos.class_names == (expected,)


def test_nameless_categories_and_annotations_of_another_type_are_told(read, tmp_path):
    categories = [{"id": 7}, {"name": "cat"}, {"id": 9, "name": " "}]
    photos = read(categories=categories)
    assert [problem.reason for problem in photos.problems] == [
        f"categories[{number}] lacks an id or a name" for number in range(3)
    ]
    # A photo without annotation stays.
    assert photos[0].objects == () and photos[0].label is None
    assert photos.class_names == () and photos.name == f"{tmp_path.name}/set"
    assert "`annotations` is int" in read(annotations=3).problems[0].reason


@pytest.mark.parametrize("width", [0, -1, None, "x", True, float("nan"), 10**400])
def test_nonsense_sizes_are_unknown(width, read):
    assert read([{**IMAGE, "width": width}])[0].width is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not valid json"),
        ('{"images": [', "is not valid json"),
        ("[" * 100_000, "is not valid json"),
        ("[]", "is not a COCO json"),
        ('{"images": {}}', "is not a COCO json"),
        ('{"info": 1}', "is not a COCO json"),
        (
            '{"images": [{"id": 1, "file_name": "9.jpg"}]}',
            ".*None of the 1 photos.*'9.jpg' is not beside",
        ),
    ],
)
def test_other_files_and_those_without_a_photo_are_refused(text, reason, tmp_path):
    (tmp_path / "set.json").write_text(text)
    with pytest.raises(ValueError, match=reason) as raised:
        coco.read(tmp_path / "set.json")
    assert "set.json" in str(raised.value)
