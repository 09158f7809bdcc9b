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


def test_relative_path_of_the_json_works(folder, monkeypatch):
    write(folder / "val2017" / "1.jpg")
    (folder / "annotations").mkdir()
    monkeypatch.chdir(folder / "annotations")
    found = find(pathlib.Path("instances_val2017.json"), "1.jpg")
    assert pathlib.Path(found).resolve() == folder / "val2017" / "1.jpg"


def test_photos_are_found_in_any_of_several_zips_and_broken_ones_told(folder):
    pack(folder / "b.zip", "1.jpg")
    # Members that leave the zip are only names.
    pack(folder / "c.zip", "images/2.jpg", "../../3.jpg")
    (folder / "a.zip").write_bytes(b"no zip")
    problems = []
    finder = PhotoFinder(folder / "set.json", problems)
    assert finder.find("1.jpg").path_name == str(folder / "b.zip" / "1.jpg")
    for member in ("1.jpg", "images/2.jpg", "../../3.jpg"):
        name = member.rpartition("/")[2]
        assert finder.find(name).load() == member.encode()
    assert not (folder.parent.parent / "3.jpg").exists()
    assert [problem.path_name for problem in problems] == [str(folder / "a.zip")]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("other/1.jpg", "not beside"),
        ("1.JPG", "not beside"),
        ("2.jpg", "not beside"),
        ("", "empty"),
        ("1.jpg", "ambiguous.*a/1.jpg and .*b/1.jpg"),
        ("../1.jpg", "leaves the folder"),
        ("a/../../1.jpg", "leaves the folder"),
        ("..\\1.jpg", "leaves the folder"),
        ("/etc/1.jpg", "leaves the folder"),
        ("C:\\1.jpg", "leaves the folder"),
    ],
)
def test_name_that_names_no_photo_beside_the_json_is_refused(name, words, folder):
    for path in ("a/1.jpg", "b/1.jpg", "../1.jpg"):
        write(folder / path)
    with pytest.raises(LookupError, match=words):
        find(folder / "set.json", name)
