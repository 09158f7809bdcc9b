import pytest

from pipelines.readers.voc_annotation import read_voc_annotation

OBJECT = "<object><name>cat</name>{}<bndbox>{}</bndbox></object>"
BOX = "<xmin>3</xmin><ymin>5</ymin><xmax>10</xmax><ymax>20</ymax>"
SIZE = "<size><width>40</width><height>30</height></size>"


@pytest.fixture
def read(tmp_path):
    """Returns `read(text)`: the annotation and the reasons of its problems."""

    def read(text):
        path = tmp_path / "7.xml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        problems = []
        annotation = read_voc_annotation(path, problems)
        assert all(problem.path_name == str(path) for problem in problems)
        return annotation, [problem.reason for problem in problems]

    return read


def with_box(box, extra=""):
    return f"<annotation>{SIZE}{OBJECT.format(extra, box)}</annotation>"


def test_one_based_inclusive_pixels_become_zero_based_half_open(read):
    annotation, problems = read(with_box(BOX))
    # Columns 3 .. 10 counted from 1 are 2 .. 9 counted from 0: [2, 10), 8 wide.
    assert annotation.objects[0].box == (2, 4, 10, 20)
    assert (annotation.width, annotation.height) == (40, 30)
    assert problems == []


def test_whole_photo_has_the_size_of_the_photo(read):
    box = "<xmin>1</xmin><ymin>1</ymin><xmax>40</xmax><ymax>30</ymax>"
    annotation, problems = read(with_box(box))
    assert annotation.objects[0].box == (0, 0, 40, 30) and not problems


def test_box_of_one_pixel_has_an_area_of_one(read):
    box = "<xmin>7</xmin><ymin>7</ymin><xmax>7</xmax><ymax>7</ymax>"
    assert read(with_box(box))[0].objects[0].area == 1


def test_float_coordinates_are_kept(read):
    box = "<xmin>3.5</xmin><ymin>5.25</ymin><xmax>1e1</xmax><ymax> 20 </ymax>"
    assert read(with_box(box))[0].objects[0].box == (2.5, 4.25, 10, 20)


def test_flags_are_read(read):
    flags = "<difficult>1</difficult><truncated>0</truncated>"
    item = read(with_box(BOX, flags))[0].objects[0]
    assert item.difficult and not item.truncated
    item = read(with_box(BOX, "<truncated>1</truncated>"))[0].objects[0]
    assert item.truncated and not item.difficult


def test_parts_are_not_objects_and_do_not_lend_their_box(read):
    part = (
        "<part><name>head</name><bndbox><xmin>30</xmin><ymin>1</ymin>"
        "<xmax>35</xmax><ymax>9</ymax></bndbox></part>"
    )
    annotation, problems = read(with_box(BOX, part))
    assert [(o.name, o.box) for o in annotation.objects] == [("cat", (2, 4, 10, 20))]
    assert not problems


def test_object_with_only_a_part_box_has_no_box(read):
    part = f"<part><name>head</name><bndbox>{BOX}</bndbox></part>"
    text = f"<annotation><object><name>cat</name>{part}</object></annotation>"
    annotation, problems = read(text)
    assert annotation.objects == () and "no bndbox" in problems[0]


BAD_BOXES = {
    "swapped": BOX.replace("<xmin>3", "<xmin>30"),
    "finite": BOX.replace("<xmin>3", "<xmin>nan"),
    "not finite": BOX.replace("<xmax>10", "<xmax>inf"),
    "not a number": BOX.replace("<xmin>3", "<xmin>three"),
    "no ymin": BOX.replace("<ymin>5</ymin>", ""),
    "outside": BOX.replace("<xmin>3", "<xmin>-30").replace("<xmax>10", "<xmax>-10"),
}


@pytest.mark.parametrize("reason", BAD_BOXES)
def test_a_bad_box_loses_its_object_only(reason, read):
    bad, good = OBJECT.format("", BAD_BOXES[reason]), OBJECT.format("", BOX)
    annotation, problems = read(f"<annotation>{SIZE}{bad}{good}</annotation>")
    assert [item.box for item in annotation.objects] == [(2, 4, 10, 20)]
    assert len(problems) == 1
    assert "object 1" in problems[0] and reason in problems[0]


def test_box_that_leaves_the_photo_is_clipped_and_told(read):
    annotation, problems = read(with_box(BOX.replace("<xmin>3", "<xmin>-30")))
    assert annotation.objects[0].box == (0, 4, 10, 20)
    assert "clipped" in problems[0]


@pytest.mark.parametrize("name", ["", "<name></name>", "<name>  </name>"])
def test_object_without_name_is_left_out(name, read):
    text = f"<annotation><object>{name}<bndbox>{BOX}</bndbox></object></annotation>"
    annotation, problems = read(text)
    assert annotation.objects == () and "no name" in problems[0]


@pytest.mark.parametrize("size", ["", "<size/>", SIZE.replace("40", "0")])
def test_missing_size_is_unknown_and_clips_nothing(size, read):
    far = BOX.replace("<xmax>10", "<xmax>4000")
    text = f"<annotation>{size}{OBJECT.format('', far)}</annotation>"
    annotation, problems = read(text)
    assert annotation.width is None and annotation.objects[0].box[2] == 4000
    assert not problems


BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)).replace(
        "&a0;", "&a;"
    )
    + "]><annotation>&a9;</annotation>"
)
ENTITY = f'<!DOCTYPE a [<!ENTITY cat "cat">]>{with_box(BOX).replace("cat", "&cat;")}'
EXTERNAL_ENTITY = (
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    "<annotation><object><name>&x;</name></object></annotation>"
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no xml",
        "<annotation><object>",
        b"\xff\xfe\x00broken",
        '<?xml version="1.0" encoding="no-such-code"?><annotation/>',
        BILLION_LAUGHS,
        ENTITY,
        EXTERNAL_ENTITY,
    ],
    ids=[
        "empty",
        "text",
        "unclosed",
        "bytes",
        "encoding",
        "laughs",
        "entity",
        "external",
    ],
)
def test_unreadable_annotation_is_empty_and_told_by_its_name(text, read):
    annotation, problems = read(text)
    assert annotation.objects == () and len(problems) == 1
    assert problems[0].startswith("unreadable annotation: ")


def test_another_root_is_no_annotation(read):
    _, problems = read("<html><object/></html>")
    assert "<html>" in problems[0]


def test_file_name_that_leaves_the_tree_is_told_but_not_followed(read):
    for name in ("../../secret.jpg", "..\\secret.jpg"):
        text = f"<annotation><filename>{name}</filename>{OBJECT.format('', BOX)}"
        annotation, problems = read(text + "</annotation>")
        assert len(annotation.objects) == 1 and name.split(".")[-2] in problems[0]


def test_missing_file_is_an_empty_annotation(tmp_path):
    problems = []
    annotation = read_voc_annotation(tmp_path / "none.xml", problems)
    assert annotation.objects == () and problems == []
