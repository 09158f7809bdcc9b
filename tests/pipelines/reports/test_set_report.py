import pytest

from pipelines.pools.preparation import prepare, prepare_labeled
from pipelines.readers.sources import read
from pipelines.reports.set_report import ClassCount, report_set


@pytest.fixture
def tree(tmp_path, write_voc, voc_xml):
    """Photos of 40 x 30 = 1200 pixels."""
    difficult, truncated = {"difficult": 1}, {"truncated": 1}
    return write_voc(
        tmp_path / "tree",
        {
            # 1200, 30 (2.5 %) and 2 (0.17 %) pixels.
            "a": voc_xml(
                ("cat", (1, 1, 40, 30), truncated),
                ("cat", (1, 1, 6, 5)),
                ("dog", (1, 1, 2, 1)),
            ),
            "b": voc_xml(("dog", (1, 1, 9, 9)), ("dog", (1, 1, 9, 9))),
            "c": voc_xml(("owl", (1, 1, 9, 9), difficult)),
            "d": voc_xml(),
            "e": voc_xml(("cat", (30, 1, 9, 9)), ("cat", (1, 1, 90, 9))),
        },
    )


def test_classes_sizes_and_problems_are_counted_and_told(tree):
    report = report_set(read(tree))
    assert report.classes == {
        "cat": ClassCount(objects=3, photos=2, main=2, truncated=1),
        "dog": ClassCount(objects=3, photos=2, main=1),
        "owl": ClassCount(objects=1, photos=1, difficult=1),
    }
    assert (report.num_photos, report.num_boxes, report.max_boxes) == (5, 7, 3)
    assert (report.num_without_boxes, report.num_without_main_object) == (1, 2)
    assert report.num_unreadable is None
    assert report.sizes == {"small": 1, "medium": 1, "large": 5, "unknown": 0}
    assert report.num_degenerate == 1  # 2 x 1 pixels
    assert report.num_repeated == 1
    assert set(report.problems) == {"box dropped: corners swapped"}
    (text,) = report.problems["box dropped: corners swapped"]
    assert "e.xml" in text
    text = report.text()
    assert "5 photos, 7 boxes of 3 classes, at most 3 in a photo" in text
    assert "1 x box dropped: corners swapped" in text and "e.xml" in text
    (row,) = [line for line in text.splitlines() if line.strip().startswith("cat")]
    assert row.split() == ["cat", "3", "2", "2", "0", "1"]


def test_degenerate_is_what_is_thin_in_the_square(tree):
    pytest.importorskip("tensorflow")
    # 40 pixels become 8: 6 x 5 become 1.2 x 1, 9 x 9 become 1.8 x 1.8.
    # The repeated box is left out.
    assert report_set(prepare_labeled(tree, 8)).num_degenerate == 5
    assert report_set(prepare(tree, 8)).num_degenerate == 1  # squashed, not boxed


@pytest.mark.parametrize("main_object_only", [False, True])
def test_pool_counts_what_its_photos_count(main_object_only, tree):
    pytest.importorskip("tensorflow")
    (tree / "JPEGImages" / "d.jpg").write_bytes(b"")
    pool = prepare_labeled(tree, 100, main_object_only=main_object_only)
    report, plain = report_set(pool), report_set(read(tree))
    assert report.num_unreadable == 1 and report.num_photos == 4
    # A pool leaves the repeated box of a dog out, and tells it.
    plain.classes["dog"].objects -= 1
    plain.sizes["large"] -= 1
    assert report.classes == plain.classes and report.sizes == plain.sizes
    assert report.num_repeated == plain.num_repeated == 1
    assert "repeats a box" in report.text()
    assert report.num_without_main_object == plain.num_without_main_object - 1


def test_many_classes_and_problems_are_cut_in_text_only(tmp_path, write_voc, voc_xml):
    annotations = {
        f"{i:02d}": voc_xml((f"class {i:02d}", (1, 1, 9, 9)), ("cat", (9, 1, 1, 9)))
        for i in range(60)
    }
    report = report_set(read(write_voc(tmp_path / "tree", annotations)))
    kind = "box dropped: corners swapped"
    assert len(report.classes) == len(report.problems[kind]) == 60
    text = report.text()
    assert "and 20 more classes" in text and f"60 x {kind}" in text
    assert len(text.splitlines()) < 60


def test_photos_without_annotation_are_counted_apart_from_photos_without_objects(
    tmp_path, write_voc, voc_xml
):
    cat, swapped = ("cat", (1, 1, 9, 9)), ("cat", (9, 1, 1, 9))
    annotations = {"cat": voc_xml(cat), "empty": voc_xml(), "missing": None}
    annotations |= {"broken": "<annotation>", "swapped": voc_xml(swapped)}
    tree = write_voc(tmp_path / "tree", annotations)
    plain = report_set(read(tree))
    assert (plain.num_photos, plain.num_without_boxes) == (2, 1)
    assert plain.num_not_annotated == 3
    pytest.importorskip("tensorflow")
    for main_object_only in (False, True):
        pool = prepare_labeled(tree, 20, main_object_only=main_object_only)
        report = report_set(pool)
        assert (report.num_photos, report.num_without_boxes) == (2, 1)
        assert report.num_not_annotated == 3
        texts = report.problems["photo left out: not annotated"]
        names = sorted(text.split(":")[0].rpartition("/")[2] for text in texts)
        assert names == ["broken.jpg", "missing.jpg", "swapped.jpg"]
        assert ", 3 not annotated" in report.text()


def test_real_tree_is_counted(data_folder):
    report = report_set(read(data_folder / "bccd_160", "all"))
    assert (report.num_photos, report.num_boxes) == (364, 4886)
