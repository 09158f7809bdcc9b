import pytest

from pipelines.readers import voc
from pipelines.readers.sources import read, splits
from pipelines.readers.voc_layout import voc_trees


@pytest.fixture
def write(tmp_path, write_photo, voc_xml):
    """Returns `write(*names)`: photos, xml files and texts in a folder."""

    def write(*names):
        xml = voc_xml(("cat", (1, 1, 9, 9)))
        for seed, name in enumerate(names):
            path = tmp_path / "set" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix in (".jpg", ".png"):
                write_photo(path, seed)
            else:
                path.write_text(xml if path.suffix.lower() == ".xml" else "text")
        return tmp_path / "set"

    return write


LAYOUTS = {
    "as VOC": ("JPEGImages/{}.jpg", "Annotations/{}.xml"),
    "other case": ("jpegimages/{}.jpg", "annotations/{}.xml"),
    "annotations misspelt": ("JPEGImages/{}.jpg", "Annotation/{}.xml"),
    "xml in a folder of any name": ("JPEGImages/{}.jpg", "labels/{}.xml"),
    "xml in JPEGImages": ("JPEGImages/{}.jpg", "JPEGImages/{}.xml"),
    "images and annotations": ("images/{}.jpg", "annotations/{}.xml"),
    "images and annots": ("images/{}.png", "annots/{}.xml"),
    "Oxford pets": ("images/{}.jpg", "annotations/xmls/{}.xml"),
    "img and xml": ("img/{}.jpg", "xml/{}.xml"),
    "side by side": ("{}.jpg", "{}.xml"),
    "side by side, with both suffixes": ("{}.jpg", "{}.jpg.xml"),
    "side by side, below": ("day/{}.jpg", "day/{}.xml"),
    "side by side, in images": ("images/{}.jpg", "images/{}.xml"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_photos_and_their_boxes_are_found_in_every_layout(layout, write):
    names = [form.format(i) for i in range(3) for form in LAYOUTS[layout]]
    folder = write(*names, "readme.txt")
    photos = read(folder)
    assert [photo.image_id for photo in photos] == ["0", "1", "2"]
    assert all(photo.annotated and len(photo.objects) == 1 for photo in photos)
    assert photos.problems == [] and splits(folder) == ("all",)


def test_list_of_a_split_is_named_in_any_case_and_those_of_classes_are_no_splits(write):
    folder = write("images/0.jpg", "images/1.jpg", "annotations/0.xml")
    (folder / "ImageSets").mkdir()
    for name in ("Train", "cat_Train", "Night"):
        (folder / "ImageSets" / f"{name}.txt").write_text("1\n")
    assert splits(folder) == ("Night", "train", "all")
    for name in ("Train", "train", "Night", "cat_Train"):
        assert [photo.image_id for photo in read(folder, name)] == ["1"]


def test_lists_are_found_in_image_sets_in_any_case(write):
    folder = write("images/0.jpg", "images/1.jpg", "annotations/0.xml")
    for place in ("imagesets/main", "ImageSets"):
        (folder / place).mkdir(parents=True)
        (folder / place / "train.txt").write_text("1\n")
        assert splits(folder) == ("train", "all")
        assert [photo.image_id for photo in read(folder)] == ["1"]
        (folder / place / "train.txt").unlink()


def test_companions_that_macos_leaves_play_no_role(write):
    names = ("images/{}.jpg", "annotations/{}.xml", "images/._{}.jpg")
    folder = write(*(form.format(n) for n in range(25) for form in names))
    for number in range(25):
        (folder / "annotations" / f"._{number}.xml").write_bytes(b"\0\5\x16\7")
    (folder / "ImageSets").mkdir()
    (folder / "ImageSets" / "Train.TXT").write_text("1\n2\n")
    (folder / "ImageSets" / "._Train.txt").write_bytes(b"\0\5\x16\7")
    assert splits(folder) == ("train", "all")
    photos = read(folder)
    assert [photo.image_id for photo in photos] == ["1", "2"]
    assert len(read(folder, "all")) == 25 and not read(folder, "all").problems
    assert all(photo.objects for photo in read(folder, "all"))


FOLDERS_OF_SPLITS = {
    "side by side": ("{}/{}.jpg", "{}/{}.xml"),
    "trees": ("{}/JPEGImages/{}.jpg", "{}/Annotations/{}.xml"),
    "images in splits": ("{}/images/{}.jpg", "{}/annotations/{}.xml"),
    "splits in images": ("images/{}/{}.jpg", "annotations/{}/{}.xml"),
}


@pytest.mark.parametrize("layout", FOLDERS_OF_SPLITS)
def test_folders_that_are_named_as_splits_are_splits(layout, write):
    forms = FOLDERS_OF_SPLITS[layout]
    places = [("train", "a"), ("train", "b"), ("valid", "c"), ("test", "d")]
    folder = write(*(form.format(*place) for place in places for form in forms))
    assert splits(folder) == ("test", "train", "valid", "all")
    expected = {None: "ab", "train": "ab", "valid": "c", "test": "d", "all": "abcd"}
    for split, ids in expected.items():
        photos = read(folder, split)
        assert sorted(photo.image_id for photo in photos) == [*ids]
        assert all(len(photo.objects) == 1 for photo in photos)
    with pytest.raises(ValueError, match="no split 'val'.*test, train, valid, all"):
        read(folder, "val")


def test_photos_beside_a_labelled_folder_are_told(write):
    tree = ("labelled/images/0.jpg", "labelled/annotations/0.xml")
    folder = write(*tree, "2023/may/1.jpg", "2024/2.jpg", "texts/a.txt")
    photos = read(folder)
    assert [photo.image_id for photo in photos] == ["0"]
    told = [(problem.path_name, problem.kind) for problem in photos.problems]
    kind = "photos beside VOC trees"
    assert told == [(str(folder / name), kind) for name in ("2023", "2024")]
    write("3.jpg")
    assert (str(folder), kind) in [(p.path_name, p.kind) for p in read(folder).problems]
    assert read(folder / "labelled").problems == []


@pytest.mark.parametrize(
    "names",
    [
        ["cat/0.jpg", "dog/1.jpg"],
        ["images/0.jpg", "annotations/instances.json"],
        ["images/0.jpg", "labels/0.txt"],
        ["0.jpg", "settings.xml"],  # beside no photo of its name
        ["0.xml"],
    ],
)
def test_other_folders_are_no_trees(names, write):
    folder = write(*names)
    assert voc_trees(folder) == [] and not voc.recognizes(folder)


def test_xml_beside_a_photo_that_is_no_annotation_makes_no_tree(write):
    folder = write("0.jpg", "0.xml")
    (folder / "0.xml").write_text("<settings/>")
    assert voc_trees(folder) == []
    (folder / "0.xml").write_bytes("<annotation/>".encode("utf-16"))
    assert [tree.root for tree in voc_trees(folder)] == [folder]


def test_link_to_itself_or_to_nothing_hides_no_tree(write):
    folder = write("images/0.jpg", "annotations/0.xml")
    (folder / "circle").symlink_to(folder / "circle")
    (folder / "gone").symlink_to(folder / "nowhere")
    (folder / "photos").symlink_to(folder / "circle")
    assert [tree.photos for tree in voc_trees(folder)] == [folder / "images"]


def test_what_is_missing_and_what_is_there_is_told(write):
    folder = write("JPEGImages/0.jpg", "labels/0.txt")
    (problem,) = read(folder).problems
    assert problem.kind == "annotation missing" and problem.path_name == str(folder)
    for words in ("1 of 1 photos (0)", "no folder Annotations", "JPEGImages, labels"):
        assert words in problem.reason
    with pytest.raises(ValueError, match="no JPEGImages.*It holds 0.txt"):
        voc.read(folder / "labels")
