import unicodedata

import pytest

from pipelines.pools.preparation import prepare_labeled
from pipelines.readers.training_splits import read_training
from pipelines.readers.voc import read


@pytest.fixture
def write(tmp_path, write_photo, voc_xml):
    """Returns `write(photos, annotations)`: a tree.

    Both are paths in their folders; annotations may map to what `<filename>` says. The
    box of the annotation of number `i` is `i + 1` pixels wide.
    """

    def write(photos, annotations):
        tree = tmp_path / "tree"
        (tree / "Annotations").mkdir(parents=True)
        for seed, name in enumerate(photos):
            write_photo(tree / "JPEGImages" / name, seed)
        file_names = dict(annotations) if isinstance(annotations, dict) else {}
        for number, name in enumerate(annotations):
            path = tree / "Annotations" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            stated = f"<annotation><filename>{file_names.get(name) or ''}</filename>"
            text = voc_xml(("cat", (1, 1, number + 1, 9)))
            path.write_text(text.replace("<annotation>", stated))
        return tree

    return write


def widths(photos):
    """Maps image ids to the width of their box; None for what is not annotated."""
    return {
        photo.image_id: photo.objects[0].box[2] if photo.annotated else None
        for photo in photos
    }


@pytest.mark.parametrize(
    ("photo", "annotation", "file_name"),
    [
        ("a.jpg", "a.xml", None),
        ("DSC1.jpg", "DSC1.XML", None),
        ("IMG_7.jpg", "img_7.xml", None),
        ("img_7.jpg", "IMG_7.Xml", None),
        ("A_1.mp4#t=0.jpg", "A_1.mp4#t=0.xml", None),
        ("x_jpg.rf.0a.jpg", "x_jpg.rf.0a.xml", None),
        ("with.jpg.jpg", "with.jpg.xml", None),
        ("anna.b-1.jpg", "anna.xml", "anna.b-1.jpg"),
        ("b.c.d.jpg", "b.xml", "C:\\photos\\B.C.D.JPG"),
        ("e.jpg", "e.jpg.xml", None),
        ("E.JPG", "e.jpg.xml", None),
        ("with.jpg.jpg", "with.jpg.jpg.xml", None),
        ("cam1/0.jpg", "cam1/0.xml", None),
        ("cam1/0.jpg", "Cam1/0.XML", None),
        ("cam1/0.jpg", "0.xml", None),
        ("0.jpg", "cam1/0.xml", None),
        ("cam1/f.g.jpg", "cam1/f.xml", "f.g.jpg"),
        (unicodedata.normalize("NFD", "café.jpg"), "café.xml", None),
        ("café.jpg", unicodedata.normalize("NFD", "café.xml"), None),
        ("zoë.1.jpg", "zoë.xml", unicodedata.normalize("NFD", "zoë.1.jpg")),
    ],
)
def test_annotation_is_found_where_the_tree_has_it(photo, annotation, file_name, write):
    tree = write([photo, "other.jpg"], {"other.xml": None, annotation: file_name})
    photos = read(tree)
    assert sorted(widths(photos).values()) == [1, 2]
    told = {problem.kind for problem in photos.problems}
    by_file_name = "annotation of another name"
    assert told == ({by_file_name} if file_name else set())


def test_annotation_with_a_suffix_is_of_the_photo_with_that_suffix_alone(write):
    tree = write(["1.jpg", "1.png", "2.png"], ["1.jpg.xml", "1.png.xml", "2.jpg.xml"])
    photos = read(tree)
    assert widths(photos) == {"1": 1, "2": None}
    assert "annotation ambiguous" not in {problem.kind for problem in photos.problems}


def test_every_photo_of_subfolders_has_its_own_boxes(write):
    names = ["cam1/0", "cam1/1", "cam2/0", "top"]
    tree = write([f"{n}.jpg" for n in names], [f"{n}.xml" for n in names])
    expected = {"cam1/0": 1, "1": 2, "cam2/0": 3, "top": 4}
    assert widths(read(tree)) == expected
    (tree / "ImageSets" / "Main").mkdir(parents=True)
    (tree / "ImageSets" / "Main" / "train.txt").write_text("cam2/0\ntop\n")
    assert widths(read(tree)) == {"cam2/0": 3, "top": 4}


@pytest.mark.parametrize(
    ("photos", "annotations"),
    [
        (["a.jpg"], {}),
        (["a.jpg"], {"b.xml": None}),
        (["a.jpg"], {"b.xml": "a.jpg", "c.xml": "a.jpg"}),
        (["a.jpg", "cam1/a.jpg"], {"b.xml": "a.jpg"}),
        (["a.jpg", "A.jpg"], {"á.xml": None}),
        (["cam1/0.jpg", "cam2/0.jpg"], {"0.xml": None}),
        (["0.jpg"], {"cam1/0.xml": None, "cam2/0.xml": None}),
        (["Img.jpg", "iMG.jpg"], {"IMG.xml": None}),
    ],
)
def test_without_an_annotation_of_its_own_a_photo_is_not_annotated_and_told(
    photos, annotations, write
):
    found = read(write(photos, annotations))
    assert [photo.annotated for photo in found] == [False] * len(photos)
    assert all(photo.objects == () for photo in found)
    kinds = [problem.kind for problem in found.problems]
    assert kinds.count("annotation missing") == 1
    (missing,) = [p for p in found.problems if p.kind == "annotation missing"]
    assert ("xml files have no photo" in missing.reason) == bool(annotations)
    pytest.importorskip("tensorflow")
    with pytest.raises(ValueError, match=f"Not one of the {len(photos)} readable"):
        prepare_labeled(found, 16)


def test_a_file_annotates_one_photo_only(write):
    tree = write(["a.jpg", "cam1/a.jpg", "b.c.jpg"], {"a.xml": "b.c.jpg"})
    assert widths(read(tree)) == {"a": 1, "cam1/a": None, "b.c": None}


@pytest.mark.parametrize("main_object_only", [False, True])
def test_missing_and_empty_annotations_are_told_apart(
    main_object_only, write, write_photo
):
    pytest.importorskip("tensorflow")
    tree = write(["0.jpg", "1.jpg", "2.jpg", "3.jpg"], ["0.xml"])
    (tree / "Annotations" / "1.xml").write_text("<annotation/>")
    (tree / "Annotations" / "2.xml").write_text("<annotation")
    pool = prepare_labeled(tree, 16, main_object_only=main_object_only)
    assert [photo.image_id for photo in [*pool.photos, *pool.left_out]] == ["0", "1"]
    told = {
        problem.path_name.rpartition("/")[2]: problem.kind for problem in pool.problems
    }
    left_out = "photo left out: not annotated"
    assert told["2.jpg"] == told["3.jpg"] == left_out
    assert told["2.xml"] == "annotation unreadable"


def test_trees_of_equal_names_are_told_apart_and_no_photo_is_held_out_and_learned(
    tmp_path, write_voc, voc_xml
):
    annotations = {f"{i:03d}": voc_xml(("cat", (1, 1, 9, 9))) for i in range(10)}
    for site in ("siteA", "siteB"):
        write_voc(tmp_path / "kit" / site, annotations | {f"only {site}": voc_xml()})
    photos = read(tmp_path / "kit")
    ids = [photo.image_id for photo in photos]
    assert len(set(ids)) == len(ids) == 22
    assert {"siteA/003", "siteB/003", "only siteA", "only siteB"} < set(ids)
    training, held_out = read_training(tmp_path / "kit")
    ids = [{photo.image_id for photo in part} for part in (training, held_out)]
    assert not ids[0] & ids[1] and len(ids[0] | ids[1]) == 22
