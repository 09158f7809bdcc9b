"""Photo search and names of `predict`."""

import os

import pytest

from ssl_voc.predict.photo_names import find_photos


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name in (
        "photos/a/1.jpg",
        "photos/b/1.JPG",
        "photos/b/2.png",
        "photos/b/2.webp",
        "photos/notes.txt",
        "photos/.hidden/3.jpg",
        "odd/[1].jpg",
        "odd/raw.bin",
        "in [2020]/1/a.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*images, **arguments):
    photos, problems = find_photos(images, **arguments)
    assert not problems
    return {str(photo.path): photo.name for photo in photos}


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (
            ["photos"],
            {
                "photos/a/1.jpg": "a/1",
                "photos/b/1.JPG": "b/1",
                # Side by side the suffix tells.
                "photos/b/2.png": "2.png",
                "photos/b/2.webp": "2.webp",
            },
        ),
        # The stem, where no other has it; a file named outright is taken as it is.
        (["photos/a", "odd/raw.bin"], {"photos/a/1.jpg": "1", "odd/raw.bin": "raw"}),
        (["photos/*/1.*"], {"photos/a/1.jpg": "a/1", "photos/b/1.JPG": "b/1"}),
        (["photos/**/*.png"], {"photos/b/2.png": "2"}),
        # A file of such a name comes before the pattern.
        (["odd/[1].jpg"], {"odd/[1].jpg": "[1]"}),
        # So does a folder.
        (["in [2020]/?/*.jpg"], {"in [2020]/1/a.jpg": "a"}),
        # Named several times it is predicted once.
        (["photos/a/1.jpg", "photos/a", "photos/*/1.jpg"], {"photos/a/1.jpg": "1"}),
    ],
)
def test_photos_are_found_once_and_told_apart(tree, images, expected):
    assert names(*images) == expected


def test_links_that_lead_nowhere_are_photos_that_loading_tells_of(tree):
    (tree / "links").mkdir()
    (tree / "links" / "loop.jpg").symlink_to("loop.jpg")
    (tree / "links" / "gone.jpg").symlink_to("nothing.jpg")
    (tree / "links" / "same.jpg").symlink_to("../photos/a/1.jpg")
    found = names("links", "photos/a", left_out=tree / "links" / "loop.jpg")
    assert [*found.values()] == ["gone", "loop", "same"]
    assert len(names("links")) == 3


def test_names_differ_where_case_does_not_count(tree):
    (tree / "x/cat").mkdir(parents=True)
    (tree / "x/Cat").mkdir()
    if os.path.samefile("x/cat", "x/Cat"):
        pytest.skip("this file system does not tell case apart")
    for name in ("x/cat/7.jpg", "x/Cat/7.jpg"):
        (tree / name).touch()
    found = [name.casefold() for name in names("x").values()]
    assert len(set(found)) == 2
    assert all("cat/7" in name for name in found)


def test_long_names_are_cut_to_what_a_file_may_be_called_and_stay_apart(tree):
    (tree / "long").mkdir()
    # 240 bytes stay as they are; of 80 bytes that are no UTF-8 each becomes six.
    kept = "a" * 240
    latin = [os.fsdecode(b"\xe9" * number) for number in (80, 81)]
    stems = [kept, "é" * 122 + "1", "é" * 122 + "2", *latin]
    try:
        for stem in stems:
            (tree / "long" / f"{stem}.jpg").touch()
    except OSError:
        pytest.skip("this file system takes no such names")
    found = [*names("long").values()]
    assert kept in found and len(set(found)) == len(stems)
    assert all(len(f"{name}-12345.jpg".encode()) <= 255 for name in found)
    assert all(name[:3] in ("aaa", "ééé", "\\ud") for name in found)


def test_what_is_no_path_is_told_and_not_raised(tree):
    address = "https://example.org/a.jpg?size=2"
    photos, problems = find_photos([address, "a" * 300, f"{'b' * 300}*"])
    assert not photos
    assert problems == [
        (address, "an address: download it first"),
        ("a" * 300, "there is no such file or folder"),
        (f"{'b' * 300}*", "no file fits this pattern"),
    ]


def test_results_are_no_input_and_what_leads_to_no_photo_is_told(tree):
    out = tree / "photos/found"
    (out / "pictures").mkdir(parents=True)
    (out / "pictures/1.jpg").touch()
    assert "photos/found/pictures/1.jpg" not in names("photos", left_out=out)
    assert "photos/found/pictures/1.jpg" in names("photos")
    (tree / "empty").mkdir()
    photos, problems = find_photos(["no.jpg", "no*.jpg", "empty", "photos/a"])
    assert [str(photo.path) for photo in photos] == ["photos/a/1.jpg"]
    assert problems == [
        ("no.jpg", "there is no such file or folder"),
        ("no*.jpg", "no file fits this pattern"),
        ("empty", "no photo lies in this folder"),
    ]


def test_pictures_of_runs_below_a_folder_are_left_out_and_told(tree):
    run = tree / "photos/found"
    (run / "pictures/b").mkdir(parents=True)
    (run / "pictures/b/1.jpg").touch()
    (run / "manifest.json").write_text('{"program": "ssl_voc"}')
    photos, problems = find_photos(["photos"])
    assert {str(photo.path.parent) for photo in photos} == {"photos/a", "photos/b"}
    assert [path for path, _ in problems] == ["photos/found"]
    # What is named is taken; what is being written is told of by nobody.
    pictures = "photos/found/pictures"
    for named in ("photos/found", pictures, f"{pictures}/*/1.jpg"):
        assert [*names(named)] == [f"{pictures}/b/1.jpg"]
    assert len(names("photos", left_out=run)) == len(photos)
