import pathlib
import zipfile

import pytest

from pipelines.readers import photo_finder
from pipelines.readers.photo_finder import PhotoFinder, _compare


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
    """The path of the only photo that a name stands for."""
    (found,) = PhotoFinder(json_path, []).find_all([[file_name]])
    if isinstance(found, LookupError):
        raise found
    return found.path_name


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
        # A folder of the name, but of another split, is no better than none.
        ("val/b/1.jpg train/a/1.jpg", "instances_val.json", "a/1.jpg"),
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


@pytest.mark.parametrize("suffix", [".jpg", ""])
def test_files_of_other_folders_are_not_looked_at(suffix, folder, monkeypatch):
    places = [f"{a}/{b}" for a in range(20) for b in range(5)]
    for place in places:
        write(folder / f"{place}.jpg")
    compared = []

    def compare(entry, *name):
        compared.append(entry)
        return _compare(entry, *name)

    monkeypatch.setattr(photo_finder, "_compare", compare)
    finder = PhotoFinder(folder / "set.json", [])
    found = finder.find_all([[f"{place}{suffix}"] for place in places])
    assert [content.path_name for content in found] == [
        str(folder / f"{place}.jpg") for place in places
    ]
    assert len(compared) == len(places)


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
    members = ["1.jpg", "images/2.jpg", "../../3.jpg"]
    found = finder.find_all([[member.rpartition("/")[2]] for member in members])
    assert found[0].path_name == str(folder / "b.zip" / "1.jpg")
    assert [photo.load() for photo in found] == [*map(str.encode, members)]
    assert not (folder.parent.parent / "3.jpg").exists()
    assert [problem.path_name for problem in problems] == [str(folder / "a.zip")]


SPELLINGS = [
    "cat 0.jpg",
    "images/cat 0.jpg",
    "./images/cat 0.jpg",
    "img/cat 0.jpg",
    "images/CAT 0.JPG",
    "images/cat%200.jpg",
    "cat 0",
    "../set/images/cat 0.jpg",
    "../../label-studio/data/media/upload/4/cat 0.jpg",
    "..\\..\\label-studio\\media\\upload\\4\\cat 0.jpg",
    "/data/local-files/?d=images/cat 0.jpg",
    "/data/local-files/?d=images%2Fcat%200.jpg",
    "C:\\Users\\me\\images\\cat 0.jpg",
    "/mnt/me/data/images/cat 0.jpg",
    "https://bucket.s3.amazonaws.com/images/cat%200.jpg?X-Amz-Expires=60",
    "s3://bucket/images/cat 0.jpg",
    "file:///mnt/me/cat 0.jpg",
]


@pytest.mark.parametrize("name", SPELLINGS)
@pytest.mark.parametrize("zipped", [False, True])
def test_name_as_a_tool_writes_it_finds_its_photo(name, zipped, folder):
    names = [f"images/cat {number}.jpg" for number in range(3)]
    if zipped:
        pack(folder / "photos.zip", *names)
        expected = str(folder / "photos.zip" / names[0])
    else:
        expected = [str(write(folder / path)) for path in names][0]
    assert find(folder / "set.json", name) == expected
    other = name.replace("cat", "dog").replace("CAT", "DOG")
    with pytest.raises(LookupError, match="not beside the json: .*(?i:dog)"):
        find(folder / "set.json", other)


@pytest.mark.parametrize("name", ["1.jpg", "images/1.jpg", "C:\\x\\images\\1.jpg"])
@pytest.mark.parametrize("zipped", [False, True])
def test_backslashes_of_packers_part_folders(name, zipped, folder):
    packed = "images\\1.jpg"
    if zipped:
        pack(folder / "photos.zip", packed)
    else:
        write(folder / packed)
    place = folder / ("photos.zip" if zipped else "") / packed
    assert find(folder / "set.json", name) == str(place)


@pytest.mark.parametrize("name", ["plain", "phone.heic", "a/photo.jpg_large"])
def test_file_of_another_suffix_is_found_by_its_whole_name(name, folder):
    path = write(folder / "photos" / name)
    assert find(folder / "set.json", name) == str(path)


E_ACUTE = {"NFC": "caf\u00e9", "NFD": "cafe\u0301"}


@pytest.mark.parametrize("on_disk", E_ACUTE)
@pytest.mark.parametrize("in_json", E_ACUTE)
def test_unicode_forms_of_a_name_are_one_name(on_disk, in_json, folder):
    path = write(folder / E_ACUTE[on_disk] / f"{E_ACUTE[on_disk]}.jpg")
    written = f"{E_ACUTE[in_json]}/{E_ACUTE[in_json].upper()}.jpg"
    assert find(folder / "set.json", written) == str(path)
    member = f"{E_ACUTE[on_disk]} in zip.jpg"
    pack(folder / "photos.zip", member)
    found = find(folder / "set.json", f"{E_ACUTE[in_json]} in zip.jpg")
    assert found == str(folder / "photos.zip" / member)


def test_zip_member_in_utf8_that_does_not_say_so_is_found(folder):
    name = "cafe\u0301.jpg"
    pack(folder / "photos.zip", name)
    content = bytearray((folder / "photos.zip").read_bytes())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.index(signature) + place
        content[start : start + 2] = b"\0\0"  # the flag of UTF-8, bit 11
    (folder / "photos.zip").write_bytes(content)
    with zipfile.ZipFile(folder / "photos.zip") as archive:
        assert archive.namelist() != [name]
    finder = PhotoFinder(folder / "set.json", [])
    (found,) = finder.find_all([["caf\u00e9.jpg"]])
    assert found.load() == name.encode()


@pytest.mark.parametrize(
    ("json_name", "files", "name"),
    [
        ("annotations/instances_val.json", "val/0.jpg train/3.jpg", "3.jpg"),
        ("annotations/instances_val2017.json", "train2017/3.jpg", "3.jpg"),
        ("annotations/valid.json", "images/train/3.jpg", "3.jpg"),
        ("instances_test.json", "val.zip train/3.jpg", "images/3.jpg"),
        ("instances_train.json", "val.zip train/0.jpg", "3.jpg"),
        ("val/_annotations.coco.json", "val/3.jpg", "../train/3.jpg"),
        # Two jsons, each with its folder.
        ("north.json", "north/0.jpg south/3.jpg south.json", "3.jpg"),
    ],
)
def test_photo_of_another_split_is_never_taken(json_name, files, name, folder):
    for file in files.split():
        pack(folder / file, "3.jpg") if file.endswith(".zip") else write(folder / file)
    (folder / json_name).parent.mkdir(exist_ok=True)
    with pytest.raises(LookupError, match=r"not beside.*3\.jpg is of another split"):
        find(folder / json_name, name)


@pytest.mark.parametrize(
    ("json_name", "file", "name"),
    [
        # Its folder is named, or is none of a split.
        ("instances_val.json", "train/3.jpg", "train/3.jpg"),
        ("instances_val.json", "images/3.jpg", "3.jpg"),
        ("all.json", "train/3.jpg", "3.jpg"),
        ("annotations/valid.json", "val/3.jpg", "3.jpg"),
    ],
)
def test_photo_of_its_own_split_or_of_none_is_taken(json_name, file, name, folder):
    path = write(folder / file)
    (folder / json_name).parent.mkdir(exist_ok=True)
    assert find(folder / json_name, name) == str(path)


def test_photo_of_another_entry_is_not_taken_for_a_name_that_ends_alike(folder):
    for name in ("cam1/1.jpg", "cam1/2.jpg", "photos/7.jpg", "photos/8.jpg"):
        write(folder / name)
    names = ["cam1/1.jpg", "cam2/1.jpg", "cam2/2.jpg", "x/7.jpg", "y/7.jpg", "z/8.jpg"]
    found = PhotoFinder(folder / "set.json", []).find_all([[name] for name in names])
    missing = [isinstance(item, LookupError) for item in found]
    assert missing == [False, True, True, True, True, False]
    assert "other entries name it" in str(found[1])
    assert found[-1].path_name == str(folder / "photos/8.jpg")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("other/1.jpg", "ambiguous"),
        ("2.jpg", "not beside the json: .*'2.jpg'"),
        ("", "empty"),
        ("../..", "empty"),
        ("1.jpg", "ambiguous.*a/1.jpg and .*b/1.jpg"),
        ("C:\\1.jpg", "ambiguous"),
        # It is there, but outside.
        ("../3.jpg", "not beside"),
        ("a/../../3.jpg", "not beside"),
        ("/etc/3.jpg", "not beside"),
        ("set.json", "not beside"),
    ],
)
def test_name_that_names_no_photo_beside_the_json_is_refused(name, words, folder):
    for path in ("a/1.jpg", "b/1.jpg", "../3.jpg", "set.json"):
        write(folder / path)
    with pytest.raises(LookupError, match=words):
        find(folder / "set.json", name)
