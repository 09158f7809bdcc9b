import codecs
import unicodedata

import pytest

from pipelines.readers.voc_lists import read_voc_list

NAMES = "000000", "000001", "a b", "café"


@pytest.fixture
def read(tmp_path):
    """Returns `read(data, keys)`: the keys that a list names, and its problems."""

    def read(data, keys=NAMES):
        path = tmp_path / "train.txt"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        problems = []
        found = read_voc_list(path, dict.fromkeys(keys), "JPEGImages", problems)
        return found, problems

    return read


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (b"", "utf-16-le"),
        (b"", "cp1252"),
    ],
)
def test_list_gives_its_photos_in_every_encoding_and_ending_of_lines(
    mark, encoding, end, read
):
    text = end.join(NAMES) + end
    assert read(mark + text.encode(encoding)) == ([*NAMES], [])


@pytest.mark.parametrize(
    "line",
    [
        "000001  ",
        "\t000001\t",
        "000001.jpg",
        "000001.xml",
        "./000001",
        "JPEGImages/000001.jpg",
        "./JPEGImages/000001",
        "jpegimages\\000001.JPG",
        "D:\\voc\\JPEGImages\\000001.jpg",
        "d:/voc/JPEGImages/000001.jpg",
        "/mnt/me/voc/JPEGImages/000001.jpg",
        "\\\\server\\voc\\JPEGImages\\000001.png",
        "data/images/000001.jpg",
        "000001 1",
        "000001  0",
        "000001 -1",
        "000001\t1",
        '"D:\\voc\\JPEGImages\\000001.jpg"',
        "'000001'",
        "JPEGImages/000001.jpg Annotations/000001.xml",
    ],
)
def test_line_names_a_photo_by_name_or_path_with_or_without_second_column(line, read):
    assert read(f"{line}\n") == (["000001"], [])


def test_marks_within_lists_that_were_joined_are_no_part_of_names(read):
    assert read("\ufeff000000\n\ufeff000001\n") == (["000000", "000001"], [])


NUMBERED = "photo", "photo 1", "photo 2", "a  b", "c 1 1"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("photo", "photo"),
        ("photo 1", "photo 1"),
        ("photo 2", "photo 2"),
        ("photo 1.jpg", "photo 1"),
        ("photo 1 -1", "photo 1"),
        ("photo 2 1", "photo 2"),
        ("photo 0", "photo"),
        ("a  b", "a  b"),
        ("a  b  1", "a  b"),
        ("c 1 1", "c 1 1"),
        ("JPEGImages/photo 1", "photo 1"),
    ],
)
def test_whole_line_is_looked_up_before_a_column_is_taken_off(line, expected, read):
    assert read(line, NUMBERED) == ([expected], [])


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_of_either_unicode_form_are_found(form, read):
    lines = [unicodedata.normalize(form, name) for name in ("café", "zoë", "한국 1")]
    found, problems = read("\n".join(lines), ("café", "zoë", "한국 1"))
    assert (found, problems) == (["café", "zoë", "한국 1"], [])


def test_other_case_is_found_where_one_photo_fits(read):
    assert read("img_7\nIMG_8.JPG", ("IMG_7", "img_8"))[0] == ["IMG_7", "img_8"]
    found, (problem,) = read("IMG_7", ("Img_7", "img_7"))
    assert found == [] and "'IMG_7'" in problem.reason


def test_folders_tell_photos_of_one_name_apart(read):
    keys = "cam1/0", "cam2/0", "0"
    lines = "cam2/0", "cam1\\0.jpg", "JPEGImages/cam1/0.jpg", "0", "cam3/0"
    found, (problem,) = read("\n".join(lines), keys)
    assert found == ["cam2/0", "cam1/0", "0"] and "'cam3/0'" in problem.reason


@pytest.mark.parametrize(
    "line", ["../a b", "/etc/passwd", "JPEGImages/../a b", "C:\\..\\000001", "..", "/"]
)
def test_what_leaves_the_folder_or_names_nothing_is_told(line, read):
    found, (problem,) = read(f"{line}\n\n000000\n")
    assert found == ["000000"]
    assert problem.kind == "photo missing" and repr(line) in problem.reason
