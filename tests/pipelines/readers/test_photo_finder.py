import pathlib
import zipfile

import pytest

from pipelines.readers.photo_finder import PhotoFinder


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "set"


def write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(str(path).encode())
    return path


def pack(path, *names):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)


def find(json_path, file_name):
    return PhotoFinder(json_path, []).find(file_name).path_name


@pytest.mark.parametrize(
    ("files", "json_name", "name"),
    [
        # The first file is the one to be found.
        ("1.jpg other/1.jpg", "set.json", "1.jpg"),
        ("images/a/1.jpg", "set.json", "1.jpg"),
        ("images/a/1.jpg", "set.json", "a/1.jpg"),
        ("images/a/1.jpg", "set.json", "images\\a\\1.jpg"),
        # COCO keeps annotations in a folder of their own.
        (
            "val2017/1.jpg train2017/1.jpg",
            "annotations/instances_val2017.json",
            "1.jpg",
        ),
        # An unpacked file wins over its zip, the zip of the json's name over others.
        ("train/1.jpg train.zip", "train.json", "1.jpg"),
        ("val.zip/1.jpg train.zip val.zip", "val.json", "1.jpg"),
    ],
)
def test_photo_is_found_where_it_fits_best(files, json_name, name, folder):
    for file in files.split():
        if file.endswith(".zip"):
            pack(folder / file, "1.jpg")
        elif ".zip/" not in file:
            write(folder / file)
    json_path = folder / json_name
    json_path.parent.mkdir(exist_ok=True)
    assert find(json_path, name) == str(folder / files.split()[0])


def test_path_in_the_name_must_agree_also_in_letter_case(folder):
    write(folder / "images" / "1.jpg")
    for name in ("other/1.jpg", "1.JPG", "2.jpg"):
        with pytest.raises(LookupError, match="not beside"):
            find(folder / "set.json", name)
    with pytest.raises(LookupError, match="empty"):
        find(folder / "set.json", "")


def test_relative_path_of_the_json_works(folder, monkeypatch):
    write(folder / "val2017" / "1.jpg")
    (folder / "annotations").mkdir()
    monkeypatch.chdir(folder / "annotations")
    found = find(pathlib.Path("instances_val2017.json"), "1.jpg")
    assert pathlib.Path(found).resolve() == folder / "val2017" / "1.jpg"


def test_photos_are_found_in_any_of_several_zips(folder):
    pack(folder / "train-0.zip", "1.jpg")
    pack(folder / "train-1.zip", "images/2.jpg")
    finder = PhotoFinder(folder / "train.json", [])
    assert finder.find("1.jpg").load() == b"1.jpg"
    assert finder.find("2.jpg").load() == b"images/2.jpg"


def test_equally_good_places_are_ambiguous(folder):
    write(folder / "a" / "1.jpg")
    write(folder / "b" / "1.jpg")
    with pytest.raises(LookupError, match="ambiguous.*a/1.jpg and .*b/1.jpg"):
        find(folder / "set.json", "1.jpg")


@pytest.mark.parametrize(
    "name", ["../1.jpg", "a/../../1.jpg", "..\\1.jpg", "/etc/1.jpg", "C:\\1.jpg"]
)
def test_names_that_leave_the_folder_are_refused(name, folder):
    write(folder / "1.jpg")
    write(folder.parent / "1.jpg")
    with pytest.raises(LookupError, match="leaves the folder"):
        find(folder / "set.json", name)


def test_members_that_leave_the_zip_are_only_names(folder):
    pack(folder / "set.zip", "../../1.jpg")
    found = PhotoFinder(folder / "set.json", []).find("1.jpg")
    assert found.load() == b"../../1.jpg"
    assert not (folder.parent.parent / "1.jpg").exists()


def test_broken_zip_is_told_and_the_others_are_read(folder):
    pack(folder / "b.zip", "1.jpg")
    (folder / "a.zip").write_bytes(b"no zip")
    problems = []
    found = PhotoFinder(folder / "set.json", problems).find("1.jpg")
    assert found.path_name == str(folder / "b.zip" / "1.jpg")
    assert [problem.path_name for problem in problems] == [str(folder / "a.zip")]
