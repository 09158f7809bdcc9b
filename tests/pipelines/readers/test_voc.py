import pytest

from pipelines.images.decoding import decode
from pipelines.readers.voc import read, voc_trees


@pytest.fixture
def tree(tmp_path, write_voc, voc_xml):
    cat, dog = ("cat", (1, 1, 9, 9)), ("dog", (1, 1, 30, 20))
    difficult = voc_xml(cat, (*dog, {"difficult": 1}))
    annotations = {"a": voc_xml(cat, dog), "b": difficult, "c": voc_xml(), "d": None}
    lists = {"train": ["b", "a"], "val": ["c"], "cat_val": ["c -1", "a  1"]}
    return write_voc(tmp_path / "VOC2007", annotations, lists)


def ids(photos):
    return [photo.image_id for photo in photos]


@pytest.mark.parametrize(
    ("split", "expected"),
    [(None, "b a"), ("val", "c"), ("all", "a b c d"), ("cat_val", "c a")],
)
def test_a_split_is_a_list_in_its_order(split, expected, tree):
    assert ids(read(tree, split)) == expected.split()


def test_unknown_split_names_those_there_are(tree):
    with pytest.raises(ValueError, match="test.*cat_val, train, val, all"):
        read(tree, "test")


def test_label_is_the_largest_object_that_is_not_difficult(tree):
    photos = {photo.image_id: photo for photo in read(tree, "all")}
    labels = {key: photo.label for key, photo in photos.items()}
    assert labels == {"a": "dog", "b": "cat", "c": None, "d": None}
    assert len(photos["b"].objects) == 2 and photos["b"].objects[1].difficult


def test_class_names_are_those_of_all_objects(tree, voc_xml):
    objects = voc_xml(("cat", (1, 1, 30, 20)), ("owl", (1, 1, 9, 9)))
    (tree / "Annotations" / "c.xml").write_text(objects)
    assert read(tree, "val").class_names == ("cat", "owl")


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
    assert photos[0].path_name.endswith("a.jpg")
    told = {(p.path_name.rpartition("/")[2], p.kind) for p in photos.problems}
    kinds = "annotation unreadable", "photo missing", "photo repeated"
    assert told == set(zip(("a.xml", "d.xml", "a.png"), kinds, strict=True))


@pytest.mark.parametrize(
    "line", ["gone", "../../secret", "/etc/passwd", "JPEGImages/a"]
)
def test_listed_name_without_photo_is_told_and_left_out(line, tree):
    (tree.parent / "secret.jpg").write_bytes(b"")
    path = tree / "ImageSets" / "Main" / "train.txt"
    path.write_text(f"{line}\na\n")
    photos = read(tree)
    assert ids(photos) == ["a"]
    assert photos.problems[0].path_name == str(path)
    assert repr(line) in photos.problems[0].reason


def test_repeated_and_blank_lines_and_suffixes_do_not_matter(tree):
    (tree / "ImageSets" / "Main" / "train.txt").write_text("a\n\n b.jpg \na\n")
    assert ids(read(tree)) == ["a", "b"]


def test_devkit_gives_the_photos_of_all_of_its_trees(tmp_path, write_voc, voc_xml):
    devkit = tmp_path / "VOCdevkit"
    for year in ("2012", "2007"):
        write_voc(devkit / f"VOC{year}", {f"{year}_1": voc_xml()})
    (devkit / "VOCcode").mkdir()
    for folder in (devkit, tmp_path):
        assert voc_trees(folder) == [devkit / "VOC2007", devkit / "VOC2012"]
        assert ids(read(folder)) == ["2007_1", "2012_1"]
    assert {photo.source for photo in read(devkit)} == {"VOCdevkit"}


def test_folder_without_jpegimages_is_no_tree(tmp_path, write_photo):
    write_photo(tmp_path / "cats" / "a.jpg")
    assert voc_trees(tmp_path) == [] and voc_trees(tmp_path / "none") == []
    with pytest.raises(ValueError, match="JPEGImages"):
        read(tmp_path)


def test_folder_that_nobody_may_enter_is_no_tree(tree, tmp_path, lock):
    # As `lost+found`, which lies at the top of many a disk.
    (tmp_path / "lost+found").mkdir()
    lock(tmp_path / "lost+found")
    assert voc_trees(tmp_path) == [tree]
    lock(tmp_path)
    assert voc_trees(tmp_path) == []


def test_tree_of_which_nothing_is_left_stops_with_the_reason(tree):
    (tree / "ImageSets" / "Main" / "train.txt").write_text("gone\n")
    with pytest.raises(ValueError, match="gives no photo.*'gone'"):
        read(tree)
