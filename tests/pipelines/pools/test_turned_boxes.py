import threading

import pytest
from PIL import Image

from pipelines.photos.content import PhotoFile
from pipelines.photos.photo import Object, Photo, Photos
from pipelines.pools import preparation, threads
from pipelines.pools.preparation import prepare_labeled, usable_photos
from pipelines.pools.turned_boxes import turn_boxes_upright
from pipelines.readers.sources import read

# Upright 30 x 40, stored 40 x 30 with EXIF orientation 6.
STORED = 40, 30
RIGHT = 31, 2, 39, 9  # xyxy counted from 1, in the stored photo alone
BELOW = 2, 31, 9, 39  # in the upright photo alone
CORNER = 2, 3, 9, 11  # in both
# A quarter to the right: x becomes 30 - y, y becomes x; (30, 1, 39, 9) as it is read.
RIGHT_TURNED = 21, 30, 29, 39
CORNER_TURNED = 19, 1, 28, 9
BELOW_READ = 1, 30, 9, 39
CORNER_READ = 1, 2, 9, 11


@pytest.fixture
def turned(tmp_path, write_voc, voc_xml, draw, encode):
    """Returns `turned(boxes, ...)`: boxes that are prepared, and kinds of problems.

    `boxes` are those of a photo each, whose annotation states the stored size.
    """

    def turned(*boxes, orientation=6, size=STORED):
        annotations = {}
        for number, photo_boxes in enumerate(boxes):
            text = voc_xml(*(("cat", box) for box in photo_boxes))
            text = text.replace("<width>40", f"<width>{size[0]}")
            text = text.replace("<height>30", f"<height>{size[1]}")
            annotations[str(number)] = text
        tree = write_voc(tmp_path / "tree", annotations)
        exif = Image.Exif()
        exif[0x0112] = orientation
        for path in (tree / "JPEGImages").iterdir():
            path.write_bytes(encode(Image.fromarray(draw()), "JPEG", exif=exif))
        pytest.importorskip("tensorflow")
        pool = prepare_labeled(tree, 40)
        undecoded = usable_photos(read(tree), pool.class_names)
        assert [*undecoded] == [*pool.photos]
        assert undecoded.problems == pool.problems
        found = [tuple(item.box for item in photo.objects) for photo in pool.photos]
        return found, [problem.kind for problem in pool.problems]

    return turned


def test_boxes_that_fit_the_stored_photo_alone_are_turned_with_it_and_told(turned):
    found, kinds = turned([RIGHT, CORNER])
    assert found == [(RIGHT_TURNED, CORNER_TURNED)]
    assert kinds == ["boxes turned upright"]


def test_boxes_that_fit_the_upright_photo_alone_stay(turned):
    found, kinds = turned([BELOW, CORNER])
    assert found == [(BELOW_READ, CORNER_READ)]
    assert kinds == ["size mismatch"]


def test_boxes_that_fit_both_go_with_the_others_of_their_source(turned):
    found, _ = turned([CORNER], [BELOW])
    assert found == [(CORNER_READ,), (BELOW_READ,)]


def test_boxes_that_fit_both_and_have_no_others_are_what_the_stated_size_says(turned):
    found, kinds = turned([CORNER])
    assert found == [(CORNER_TURNED,)] and kinds == ["boxes turned upright"]


@pytest.mark.parametrize(
    ("orientation", "size"), [(6, (30, 40)), (1, (30, 40)), (3, STORED), (6, (20, 15))]
)
def test_only_a_stated_size_that_is_the_stored_one_turns_boxes(
    orientation, size, turned
):
    found, kinds = turned([CORNER], orientation=orientation, size=size)
    assert found == [(CORNER_READ,)] and "boxes turned upright" not in kinds


def test_tool_that_swaps_the_size_of_photos_that_are_not_turned_turns_no_boxes(
    tmp_path, draw, encode
):
    for name, orientation in ("a", 6), ("b", 1):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encode(Image.fromarray(draw()), "JPEG", exif=exif)
        (tmp_path / f"{name}.jpg").write_bytes(data)
    contents = [photo.content for photo in read(tmp_path)]
    corner, sizes = Object("cat", CORNER_READ), [(40, 30), (30, 40)]
    photos = [
        Photo("ab"[row], "one", contents[row], (corner,), None, *sizes[row])
        for row in range(2)
    ]
    problems = []
    for photo in turn_boxes_upright(Photos(photos, "one"), sizes, problems):
        assert photo.objects == (corner,)
    assert problems == []
    (alone,) = turn_boxes_upright(Photos(photos[:1], "one"), sizes[:1], problems)
    assert alone.objects[0].box == CORNER_TURNED and len(problems) == 1


def test_one_source_does_not_speak_for_another(tmp_path, draw, encode):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.jpg"
    path.write_bytes(encode(Image.fromarray(draw()), "JPEG", exif=exif))
    content = read(tmp_path)[0].content
    corner, below = Object("cat", CORNER_READ), Object("cat", BELOW_READ)
    photos = [
        Photo("a", "one", content, (below,), None, *STORED),
        Photo("b", "two", content, (corner,), None, *STORED),
    ]
    one, two = turn_boxes_upright(Photos(photos, "both"), [(40, 30)] * 2, [])
    assert one.objects == (below,) and two.objects[0].box == CORNER_TURNED


def test_parts_of_one_set_agree(tmp_path, draw, encode, monkeypatch):
    exif = Image.Exif()
    exif[0x0112] = 6
    boxes = [CORNER_READ, BELOW_READ, BELOW_READ, RIGHT]
    for number in range(len(boxes)):
        data = encode(Image.fromarray(draw()), "JPEG", exif=exif)
        (tmp_path / f"{number}.jpg").write_bytes(data)
    contents = [photo.content for photo in read(tmp_path)]
    photos = [
        Photo(str(n), "one", content, (Object("cat", box),), None, *STORED)
        for n, (content, box) in enumerate(zip(contents, boxes, strict=True))
    ]

    def first_box(whole, rows):
        part = Photos(whole, "one").take(rows)
        return turn_boxes_upright(part, [(40, 30)] * len(part), [])[0].objects[0].box

    # Heads of files are enough.
    monkeypatch.setattr(PhotoFile, "load", lambda self: pytest.fail("read as a whole"))
    # Two of three tell that this tool draws upright.
    assert first_box(photos, [0]) == first_box(photos, range(4)) == CORNER_READ
    assert first_box(photos, [0, 1, 3]) == CORNER_READ  # as many of either kind
    assert first_box(photos, [0, 3]) == CORNER_READ  # the one beside it says otherwise
    assert first_box([photos[0], photos[3]], [0]) == CORNER_TURNED
    # What cannot be read does not speak.
    (tmp_path / "1.jpg").write_bytes(b"")
    (tmp_path / "2.jpg").unlink()
    assert first_box(photos, [0]) == CORNER_TURNED


def test_heads_of_photos_are_read_from_several_threads(
    tmp_path, monkeypatch, write_voc, voc_xml
):
    tree = write_voc(
        tmp_path / "tree", {str(n): voc_xml(("cat", CORNER)) for n in "12"}
    )
    # Each waits until the other is at work, too.
    both = threading.Barrier(2, timeout=20)
    monkeypatch.setattr(threads, "default_workers", lambda: 2)
    monkeypatch.setattr(
        preparation, "size_of_photo", lambda photo: both.wait() >= 0 and (30, 40)
    )
    assert len(usable_photos(read(tree), ("cat",))) == 2
