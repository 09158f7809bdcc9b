import pytest

from pipelines.readers.voc_annotation import read_voc_annotation

BOX = "<xmin>3</xmin><ymin>5</ymin><xmax>10</xmax><ymax>20</ymax>"
NAMED = f"<name>cat</name><bndbox>{BOX}</bndbox>"
PART = "<part><name>head</name><bndbox><xmin>9</xmin></bndbox></part>"
SIZE = "<size><width>40</width><height>30</height></size>"


@pytest.fixture
def read(tmp_path):
    """Returns `read(text)`: objects, size and annotated, problems of an annotation."""

    def read(text):
        path = tmp_path / "7.xml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        problems = []
        objects, *size = read_voc_annotation(path, problems)
        assert all(problem.path_name == str(path) for problem in problems)
        return objects, size, problems

    return read


def annotation_of(*objects, size=SIZE):
    text = "".join(f"<object>{inside}</object>" for inside in objects)
    return f"<annotation>{size}{text}</annotation>"


@pytest.mark.parametrize(
    ("corners", "box"),
    [
        # Columns 3 .. 10 counted from 1 are 2 .. 9 counted from 0: [2, 10), 8 wide.
        (("3", "5", "10", "20"), (2, 4, 10, 20)),
        (("1", "1", "40", "30"), (0, 0, 40, 30)),
        (("7", "7", "7", "7"), (6, 6, 7, 7)),
        (("3.5", "5.25", "1e1", " 20 "), (2.5, 4.25, 10, 20)),
    ],
)
def test_one_based_inclusive_pixels_become_zero_based_half_open(corners, box, read):
    tags = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    text = "".join(f"<{tag}>{number}</{tag}>" for tag, number in tags)
    objects, size, problems = read(annotation_of(NAMED.replace(BOX, text)))
    assert [(o.name, o.box) for o in objects] == [("cat", box)]
    assert (size, problems) == ([40, 30, True], [])


def test_flags_are_read_and_parts_are_not_objects_and_lend_no_box(read):
    flags = "<difficult>1</difficult><truncated>0</truncated>"
    inside = PART + NAMED + flags, NAMED + "<truncated>1</truncated>"
    (first, second), _, problems = read(annotation_of(*inside))
    assert first.difficult and not first.truncated
    assert second.truncated and not second.difficult
    assert (first.name, first.box) == ("cat", (2, 4, 10, 20))
    assert not problems


@pytest.mark.parametrize(
    ("word", "is_set"),
    [("1", True), ("true", True), (" Yes\n", True), ("1.0", True)]
    + [("0", False), ("no", False), ("", False), ("Unspecified", False)],
)
def test_flags_are_read_by_their_value(word, is_set, read):
    flags = f"<difficult>{word}</difficult><truncated>{word}</truncated>"
    ((item,), *_) = read(annotation_of(NAMED + flags))
    assert (item.difficult, item.truncated) == (is_set, is_set)


@pytest.mark.parametrize(
    ("form", "tag"),
    [
        ("<objects>{}</objects>", "object"),
        ("{}", "Object"),
        ("<Objects>{}</Objects>", "OBJECT"),
    ],
)
def test_objects_are_found_in_any_case_and_in_a_list(form, tag, read):
    text = form.format(f"<{tag}>{NAMED}</{tag}>" * 2)
    objects, size, problems = read(f"<annotation>{SIZE}{text}</annotation>")
    assert [item.box for item in objects] == [(2, 4, 10, 20)] * 2
    assert (size, problems) == ([40, 30, True], [])


@pytest.mark.parametrize("form", ["<deleted>{}</deleted>", "<relation>{}</relation>"])
def test_objects_of_other_elements_are_none_of_the_photo(form, read):
    deleted = f"<object>{NAMED.replace('3', '4')}</object>"
    text = annotation_of(NAMED).replace("<object>", f"{form.format(deleted)}<object>")
    objects, _, problems = read(text)
    assert [item.box for item in objects] == [(2, 4, 10, 20)] and not problems


def test_equal_looking_class_names_are_one(read):
    names = ("un caf\u00e9", "un cafe\u0301", " un\n\tcaf\u00e9 ", "un\u00a0caf\u00e9")
    objects, *_ = read(annotation_of(*(NAMED.replace("cat", n) for n in names)))
    assert {item.name for item in objects} == {"un caf\u00e9"} and len(objects) == 4


@pytest.mark.parametrize(
    ("kind", "inside"),
    [
        ("box dropped: corners swapped", NAMED.replace("<xmin>3", "<xmin>30")),
        ("box dropped: not finite", NAMED.replace("<xmin>3", "<xmin>nan")),
        ("box dropped: not finite", NAMED.replace("<xmax>10", "<xmax>inf")),
        ("box dropped: not a number", NAMED.replace("<xmin>3", "<xmin>three")),
        ("box dropped: coordinate missing", NAMED.replace("<ymin>5</ymin>", "")),
        ("box dropped: empty", NAMED.replace("<xmin>3", "<xmin>11")),
        ("box dropped: no name", NAMED.replace("<name>cat</name>", "")),
        ("box dropped: no name", NAMED.replace("cat", "  ")),
        ("box dropped: no box", f"<name>cat</name>{PART}"),
    ],
)
def test_a_bad_object_loses_itself_only_and_is_told(kind, inside, read):
    objects, _, (problem,) = read(annotation_of(inside, NAMED))
    assert [item.box for item in objects] == [(2, 4, 10, 20)]
    assert problem.kind == kind and "object 1" in problem.reason


def test_boxes_in_shares_are_told_and_no_background_but_pixels_are_boxes(read):
    text = "<name>cat</name><bndbox><xmin>{0}</xmin><ymin>{0}</ymin><xmax>{1}</xmax>"
    text += "<ymax>1</ymax></bndbox>"
    objects, (*_, annotated), (problem,) = read(annotation_of(text.format(0.1, 0.5)))
    assert not objects and not annotated
    assert problem.kind == "box dropped: not in pixels"
    objects, *_ = read(annotation_of(text.format(1, 1)))
    assert [item.box for item in objects] == [(0, 0, 1, 1)]


@pytest.mark.parametrize("size", ["", "<size/>", *map(SIZE.replace, "44", "0x")])
def test_missing_size_is_unknown(size, read):
    objects, found, problems = read(annotation_of(NAMED, size=size))
    assert found[0] is None and len(objects) == 1 and not problems


WRONG_SIZES = {
    "swapped": "<size><width>30</width><height>40</height></size>",
    "of a thumbnail": "<size><width>4</width><height>3</height></size>",
    "of one pixel": "<size><width>1</width><height>1</height></size>",
}


@pytest.mark.parametrize("size", [SIZE, *WRONG_SIZES.values()])
def test_stated_size_neither_clips_nor_drops_a_box(size, read):
    far = NAMED.replace("<xmax>10", "<xmax>4000")
    outside = NAMED.replace("<ymin>5", "<ymin>-9").replace("<ymax>20", "<ymax>-3")
    objects, _, problems = read(annotation_of(NAMED, far, outside, size=size))
    boxes = [(2, 4, 10, 20), (2, 4, 4000, 20), (2, -10, 10, -3)]
    assert [item.box for item in objects] == boxes and not problems


def test_only_an_annotation_without_objects_says_that_there_are_none(read):
    swapped = NAMED.replace("<xmin>3", "<xmin>30")
    for inside, annotated in ((), True), ((swapped,), False), ((swapped, NAMED), True):
        _, (*_, found), _ = read(annotation_of(*inside))
        assert found == annotated


EXTERNAL_ENTITY = (
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    "<annotation><object><name>&x;</name></object></annotation>"
)
UNREADABLE = {
    "empty": "",
    "text": "no xml",
    "unclosed": "<annotation><object>",
    "bytes": b"\xff\xfe\x00broken",
    "entity": '<!DOCTYPE a [<!ENTITY c "cat">]>' + annotation_of(NAMED, size="&c;"),
    "external": EXTERNAL_ENTITY,
    "root": f"<html><object>{NAMED}</object></html>",
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_annotation_is_none_and_told(case, read):
    objects, facts, (problem,) = read(UNREADABLE[case])
    assert objects == () and problem.kind == "annotation unreadable"
    assert facts == [None, None, False]


@pytest.mark.parametrize("name", ["../../secret.jpg", "..\\secret.jpg"])
def test_file_name_that_leaves_the_tree_is_told_but_not_followed(name, read):
    text = annotation_of(NAMED, size=f"<filename>{name}</filename>")
    objects, _, (problem,) = read(text)
    assert len(objects) == 1 and problem.kind == "file name leaves the tree"


def test_missing_file_is_no_annotation(tmp_path):
    problems = []
    found = read_voc_annotation(tmp_path / "none.xml", problems)
    assert found == ((), None, None, False)
    assert [problem.kind for problem in problems] == ["annotation unreadable"]


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("gbk", "gb2312"),
        ("gb18030", "GBK"),
        ("shift_jis", "Shift_JIS"),
        ("utf-8", "no-such-code"),
        ("utf-8", "utf-16"),
    ],
)
def test_encodings_that_the_parser_does_not_know_are_read(encoding, declared, read):
    text = annotation_of(NAMED.replace("cat", "\u732b"))
    text = f'<?xml version="1.0" encoding="{declared}"?>\n{text}'
    objects, size, problems = read(text.encode(encoding))
    assert [item.name for item in objects] == ["\u732b"]
    assert (size, problems) == ([40, 30, True], [])


def test_a_box_that_cvat_rotated_is_read_as_the_one_around_it(read):
    text = "<attributes>{}<attribute><name>rotation</name><value>{}</value></attribute>"
    text += "</attributes>"
    other = "<attribute><name>occluded</name><value>1</value></attribute>"
    rotated = NAMED + text.format(other, "90.0"), NAMED + text.format(other, "0.0")
    (first, second), _, (problem,) = read(annotation_of(*rotated))
    # Unrotated it is 8 x 16 about (6, 12).
    assert first.box == pytest.approx((-2, 8, 14, 16))
    assert second.box == (2, 4, 10, 20)
    assert problem.kind == "rotated box read as the box around it"
    assert "object 1" in problem.reason and "90 degrees" in problem.reason


def test_a_letter_of_another_encoding_in_a_path_loses_no_boxes(read):
    text = annotation_of(NAMED).replace("<size>", "<path>C:/M\xfcller</path><size>")
    objects, _, problems = read(text.encode("cp1252"))
    assert [item.name for item in objects] == ["cat"] and not problems


def test_names_of_classes_are_not_guessed(read):
    text = annotation_of(NAMED.replace("cat", "\u72d7"))
    objects, _, (problem,) = read(text.encode("gbk"))
    assert not objects and problem.kind == "annotation unreadable"
