import pytest

from pipelines.images.decoding import decode
from pipelines.readers.voc import read
from pipelines.readers.voc_layout import voc_trees


@pytest.fixture
def tree(tmp_path, write_voc, voc_xml):
    cat, dog = ("cat", (1, 1, 9, 9)), ("dog", (1, 1, 30, 20))
    difficult = voc_xml(cat, (*dog, {"difficult": 1}))
    annotations = {"a": voc_xml(cat, dog), "b": difficult, "c": voc_xml(), "d": None}
    lists = {"train": ["b", "a"], "val": ["c"], "cat_val": ["c -1", "a  1"]}
    return write_voc(tmp_path / "VOC2007", annotations, lists)


def roots(folder):
    return [tree.root for tree in voc_trees(folder)]


def ids(photos):
    return [photo.image_id for photo in photos]


def test_a_split_is_a_list_in_its_order(tree):
    splits = {None: "b a", "val": "c", "all": "a b c d", "cat_val": "c a"}
    for split, expected in splits.items():
        assert ids(read(tree, split)) == expected.split()
    with pytest.raises(ValueError, match="test.*cat_val, train, val, all"):
        read(tree, "test")
    (tree / "ImageSets" / "Main" / "train.txt").write_text("gone\n")
    with pytest.raises(ValueError, match="gives no photo.*'gone'.*holds 4 photos"):
        read(tree)


def test_label_is_the_largest_object_that_is_not_difficult_and_all_are_classes(tree):
    photos = {photo.image_id: photo for photo in read(tree, "all")}
    labels = {key: photo.label for key, photo in photos.items()}
    assert labels == {"a": "dog", "b": "cat", "c": None, "d": None}
    assert len(photos["b"].objects) == 2 and photos["b"].objects[1].difficult
    assert read(tree).take([0]).class_names == ("cat", "dog")


def test_photo_is_the_file_of_its_stem(tree, draw):
    photo = read(tree, "all")[1]
    # `write_voc` draws the second photo with seed 1.
    difference = decode(photo.load()).astype(int) - draw(1)
    assert abs(difference).mean() < 8
    assert photo.path_name == str(tree / "JPEGImages" / "b.jpg")
    assert (photo.width, photo.height) == (40, 30)


def test_what_does_not_belong_together_is_told_and_left_out(tree, write_photo):
    (tree / "Annotations" / "a.xml").write_text("<annotation>")
    (tree / "JPEGImages" / "d.jpg").unlink()
    (tree / "Annotations" / "d.xml").write_text("<annotation/>")
    write_photo(tree / "JPEGImages" / "a.png")
    photos = read(tree, "all")
    assert ids(photos) == ["a", "b", "c"] and photos[0].objects == ()
    assert [photo.annotated for photo in photos] == [False, True, True]
    assert photos[0].path_name.endswith("a.jpg")
    told = {(p.path_name.rpartition("/")[2], p.kind) for p in photos.problems}
    kinds = "annotation unreadable", "photo missing", "photo repeated"
    assert told == set(zip(("a.xml", "d.xml", "a.png"), kinds, strict=True))


def test_listed_names_without_photo_are_told_and_repetitions_and_suffixes_ignored(tree):
    (tree.parent / "secret.jpg").write_bytes(b"")
    path = tree / "ImageSets" / "Main" / "train.txt"
    lines = ["gone", "../../secret", "/etc/passwd", "../a", "Annotations/../a"]
    path.write_text("\n".join([*lines, "a", "", " b.jpg ", "a", ""]))
    photos = read(tree)
    assert ids(photos) == ["a", "b"]
    for line, problem in zip(lines, photos.problems, strict=True):
        assert problem.path_name == str(path) and repr(line) in problem.reason


def test_devkit_gives_the_photos_of_all_of_its_trees(tmp_path, write_voc, voc_xml):
    devkit = tmp_path / "VOCdevkit"
    for year in ("2012", "2007"):
        write_voc(devkit / f"VOC{year}", {f"{year}_1": voc_xml()})
    (devkit / "VOCcode").mkdir()
    for folder in (devkit, tmp_path):
        assert roots(folder) == [devkit / "VOC2007", devkit / "VOC2012"]
        assert ids(read(folder)) == ["2007_1", "2012_1"]
    assert {photo.source for photo in read(devkit)} == {"VOCdevkit"}


def test_folder_without_jpegimages_or_that_nobody_may_enter_is_no_tree(
    tree, tmp_path, write_photo, lock
):
    folder = write_photo(tmp_path / "cats" / "a.jpg").parent
    assert roots(folder) == roots(tmp_path / "none") == []
    with pytest.raises(ValueError, match="JPEGImages"):
        read(folder)
    # As `lost+found`, which lies at the top of many a disk.
    (tmp_path / "lost+found").mkdir()
    lock(tmp_path / "lost+found")
    assert roots(tmp_path) == [tree]
    lock(tmp_path)
    assert roots(tmp_path) == []
