import numpy as np
import pytest
from PIL import Image

from pipelines.pools.labeled_preparation import prepare_labeled

pytest.importorskip("tensorflow")


@pytest.fixture
def one(tmp_path, write_voc):
    """Returns `one(xml)`: a tree of one photo of 40 x 30 pixels, named a."""

    def one(text):
        return write_voc(tmp_path / "tree", {"a": text})

    return one


def kinds(pool):
    return [problem.kind for problem in pool.problems]


def test_boxes_are_clipped_to_the_photo_as_it_is_and_not_scaled(one, voc_xml):
    text = voc_xml(("cat", (11, 1, 80, 60)), ("cat", (51, 1, 80, 60)))
    stated = text.replace("<width>40", "<width>80").replace("<height>30", "<height>60")
    pool = prepare_labeled(one(stated), 40)
    photo = pool.photos[0]
    assert [item.box for item in photo.objects] == [(10, 0, 40, 30)]
    assert (photo.width, photo.height) == (40, 30)
    assert kinds(pool) == [
        "size mismatch",
        "box clipped",
        "box dropped: outside the photo",
    ]
    assert "says 80 x 60, the photo has 40 x 30" in pool.problems[0].reason
    assert all(problem.path_name.endswith("a.jpg") for problem in pool.problems)


def test_turned_photo_is_upright_and_the_turned_annotation_told(
    one, voc_xml, draw, encode
):
    tree = one(voc_xml(("cat", (1, 1, 40, 30))))
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tree / "JPEGImages" / "a.jpg"
    path.write_bytes(encode(Image.fromarray(draw()), "JPEG", exif=exif))
    pool = prepare_labeled(tree, 40)
    assert pool.gather([0])["original_size"].tolist() == [[40, 30]]
    assert "before the photo was turned upright" in pool.problems[0].reason


def test_unstated_size_is_no_mismatch(one, voc_xml):
    text = voc_xml(("cat", (1, 1, 9, 9))).replace("<width>40</width>", "")
    pool = prepare_labeled(one(text), 20)
    assert pool.problems == [] and pool.photos[0].width == 40


def test_class_names_decide_indices_and_drop_others(one, voc_xml):
    tree = one(voc_xml(("cat", (1, 1, 9, 9)), ("owl", (1, 1, 40, 30))))
    pool = prepare_labeled(tree, 20, class_names=["dog", "cat"], main_object_only=True)
    # The owl is larger, but nobody can learn it.
    assert pool.gather([0])["bounding_boxes"]["classes"].tolist() == [[1]]
    assert pool.photos[0].label == "cat"
    assert kinds(pool) == ["box dropped: unknown class"]
    assert "'owl'" in pool.problems[0].reason


def test_class_names_by_default_are_those_of_the_boxes(one, voc_xml):
    tree = one(voc_xml(("owl", (1, 1, 9, 9)), ("cat", (1, 1, 9, 9))))
    assert prepare_labeled(tree, 20).class_names == ("cat", "owl")


@pytest.mark.parametrize("names", ["cat", ["cat", "cat"]])
def test_class_names_that_are_none_are_refused(names, one, voc_xml):
    with pytest.raises(ValueError, match="class_names.*cat"):
        prepare_labeled(one(voc_xml(("cat", (1, 1, 9, 9)))), 20, class_names=names)


def test_nothing_left_is_an_error_with_the_first_problem(one, voc_xml):
    tree = one(voc_xml(("cat", (30, 1, 9, 9))))
    with pytest.raises(ValueError, match="no usable box in its 1.*a.xml.*swapped"):
        prepare_labeled(tree, 20)


def test_difficult_objects_alone_leave_nothing_to_localize(one, voc_xml):
    tree = one(voc_xml(("cat", (1, 1, 9, 9), {"difficult": 1})))
    assert len(prepare_labeled(tree, 20)) == 1
    with pytest.raises(ValueError, match="no usable box"):
        prepare_labeled(tree, 20, main_object_only=True)


def test_unreadable_photos_are_skipped_and_the_others_keep_their_boxes(
    tmp_path, write_voc, voc_xml
):
    annotations = {
        stem: voc_xml((f"class {stem}", (1, 1, 10 + number, 10)))
        for number, stem in enumerate("abcd")
    }
    tree = write_voc(tmp_path / "tree", annotations)
    (tree / "JPEGImages" / "b.jpg").write_bytes(b"no photo")
    for cache in ("memory", "disk", "disk", "none"):
        pool = prepare_labeled(tree, 40, cache=cache)
        assert [item.name.rpartition("/")[2] for item in pool.skipped] == ["b.jpg"]
        batch = pool.gather([0, 1, 2])
        assert batch["bounding_boxes"]["boxes"][:, 0, 2].tolist() == [10, 12, 13]


def test_labelled_and_unlabelled_preparations_do_not_share_a_cache(one, voc_xml):
    from pipelines.pools.preparation import prepare

    tree = one(voc_xml(("cat", (1, 1, 9, 9))))
    squashed = prepare(tree, 20, cache="disk")
    boxed = prepare_labeled(tree, 20, cache="disk")
    assert not np.array_equal(squashed.images[0], boxed.gather([0])["images"][0])
    assert (boxed.gather([0])["images"][0, 15:] == 0).all()


def test_real_photos_are_prepared_whole(data_folder):
    pool = prepare_labeled(
        data_folder / "voc2007_5cls_160", 96, split="val", main_object_only=True
    )
    assert len(pool) + len(pool.left_out) == 350 and pool.skipped == []
    assert pool.class_names == ("bus", "car", "cat", "person", "train")
    batch = pool.gather(range(len(pool)))
    boxes = batch["bounding_boxes"]["boxes"][:, 0]
    assert boxes.min() >= 0 and boxes.max() <= 96
    assert (boxes[:, 2:] > boxes[:, :2]).all()
