"""Files that several sources name."""

import json

from pipelines.readers.sources import read


def test_a_folder_beside_a_folder_inside_it_gives_each_file_once(tmp_path, write_photo):
    for name in ("a", "part/b", "part/c"):
        write_photo(tmp_path / "all" / f"{name}.jpg")
    for order in (["all", "all/part"], ["all/part", "all"]):
        photos = read([tmp_path / name for name in order])
        assert sorted(photo.image_id for photo in photos) == ["a", "b", "c"]
        (problem,) = photos.problems
        assert "2 of" in problem.reason and problem.kind == "source repeated"


def test_a_link_is_the_file_it_leads_to(tmp_path, write_photo):
    write_photo(tmp_path / "real" / "a.jpg")
    write_photo(tmp_path / "links" / "b.jpg")
    (tmp_path / "links" / "a.jpg").symlink_to(tmp_path / "real" / "a.jpg")
    photos = read([tmp_path / "links", tmp_path / "real"])
    assert [(photo.source, photo.image_id) for photo in photos] == [
        ("links", "b"),
        ("real", "a"),
    ]


def test_a_link_gives_its_file_no_other_class_and_is_named(tmp_path, write_photo):
    for name in ("cat/1", "dog/2"):
        write_photo(tmp_path / f"{name}.jpg")
    (tmp_path / "cat" / "2.jpg").symlink_to("../dog/2.jpg")
    photos = read(tmp_path)
    assert [(p.image_id, p.label) for p in photos] == [("1", "cat"), ("dog/2", "dog")]
    (problem,) = photos.problems
    assert f"{tmp_path / 'cat' / '2.jpg'} first" in problem.reason
    assert "links" in problem.reason


def test_links_within_one_source_give_their_file_once(tmp_path, write_photo):
    for name in ("a", "b"):
        write_photo(tmp_path / "real" / f"{name}.jpg")
    (tmp_path / "real" / "latest.jpg").symlink_to("b.jpg")
    (tmp_path / "real" / "other.jpg").symlink_to(tmp_path / "gone.jpg")
    photos = read(tmp_path / "real")
    assert [photo.image_id for photo in photos] == ["a", "b", "other"]
    assert "1 of 4 photos (" in photos.problems[0].reason


def test_boxes_that_another_source_has_of_a_photo_are_counted(tmp_path, write_photo):
    write_photo(tmp_path / "1.jpg")
    for name, boxes in (("cat", [[0, 0, 9, 9]]), ("dog", [[0, 0, 9, 9], [5, 5, 9, 9]])):
        content = {
            "images": [{"id": 1, "file_name": "1.jpg"}],
            "categories": [{"id": 1, "name": name}],
            "annotations": [
                {"image_id": 1, "category_id": 1, "bbox": b} for b in boxes
            ],
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    photos = read([tmp_path / "cat.json", tmp_path / "dog.json"])
    assert [item.name for item in photos[0].objects] == ["cat"] and len(photos) == 1
    (problem,) = photos.problems
    assert "without 2 other boxes" in problem.reason


def test_the_source_that_annotates_a_photo_keeps_it(tmp_path, write_photo):
    for name in ("cat", "empty", "unknown"):
        write_photo(tmp_path / "photos" / f"{name}.jpg")
    names = ("cat.jpg", "empty.jpg")
    content = {
        "images": [{"id": n, "file_name": name} for n, name in enumerate(names)],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 0, "category_id": 1, "bbox": [0, 0, 2, 2]}
        ],
    }
    path = tmp_path / "photos" / "set.json"
    path.write_text(json.dumps(content))
    photos = read([tmp_path / "photos", path])
    assert [(p.image_id, p.annotated, len(p.objects)) for p in photos] == [
        ("unknown", False, 0),
        ("cat", True, 1),
        ("empty", True, 0),
    ]


def test_photos_of_equal_names_and_pixels_in_two_files_both_stay(tmp_path, write_photo):
    for name in ("x", "y"):
        write_photo(tmp_path / name / "a.jpg")
    photos = read([tmp_path / "x", tmp_path / "y"])
    assert [photo.source for photo in photos] == ["x", "y"] and not photos.problems
