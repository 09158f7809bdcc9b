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


def find(json_path, file_name, problems=None):
    problems = [] if problems is None else problems
    return PhotoFinder(json_path, problems).find(file_name).path_name


def test_photo_right_beside_the_json_is_found(folder):
    path = write(folder / "1.jpg")
    write(folder / "other" / "1.jpg")
    assert find(folder / "set.json", "1.jpg") == str(path)


def test_photo_in_a_subfolder_is_found_by_name_or_by_path(folder):
    path = write(folder / "images" / "a" / "1.jpg")
    for name in ("1.jpg", "a/1.jpg", "images/a/1.jpg", "images\\a\\1.jpg"):
        assert find(folder / "set.json", name) == str(path)


def test_path_in_the_name_must_agree(folder):
    write(folder / "images" / "1.jpg")
    with pytest.raises(LookupError, match="not beside"):
        find(folder / "set.json", "other/1.jpg")


def test_coco_keeps_annotations_in_a_folder_of_their_own(folder):
    path = write(folder / "val2017" / "1.jpg")
    write(folder / "train2017" / "1.jpg")
    json_path = folder / "annotations" / "instances_val2017.json"
    json_path.parent.mkdir()
    assert find(json_path, "1.jpg") == str(path)


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


def test_zip_of_the_json_name_is_taken_of_two(folder):
    pack(folder / "train.zip", "1.jpg")
    pack(folder / "val.zip", "1.jpg")
    assert find(folder / "val.json", "1.jpg") == f"{folder / 'val.zip'}/1.jpg"


def test_unpacked_file_wins_over_its_zip(folder):
    path = write(folder / "train" / "1.jpg")
    pack(folder / "train.zip", "1.jpg")
    assert find(folder / "train.json", "1.jpg") == str(path)


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
    assert find(folder / "set.json", "1.jpg", problems).endswith("b.zip/1.jpg")
    assert [problem.path_name for problem in problems] == [str(folder / "a.zip")]


def test_names_in_other_letter_case_or_empty_are_not_found(folder):
    write(folder / "1.jpg")
    for name in ("", "2.jpg"):
        with pytest.raises(LookupError):
            find(folder / "set.json", name)
