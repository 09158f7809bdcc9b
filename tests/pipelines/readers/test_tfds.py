"""The voc builder itself writes a small prepared data set; nothing is downloaded."""

import importlib.resources.abc
import pathlib
import sys
import types

import pytest

from pipelines.images.decoding import decode
from pipelines.photos.content import UnreadableImage
from pipelines.pools.preparation import prepare
from pipelines.readers import tfds, voc
from pipelines.readers.sources import read, splits
from pipelines.readers.tfrecord import list_records

# The builder wants `pose`, which our readers do not need.
POSE = "<pose>Left</pose><truncated>"
NUM_TRAIN = 5


@pytest.fixture
def tree(tmp_path, write_voc, voc_xml):
    annotations = {
        "000001": voc_xml(
            ("cat", (3, 5, 10, 20), {"truncated": 1}),
            ("dog", (1, 1, 40, 30), {"difficult": 1}),
        ),
        **{f"00000{n}": voc_xml(("car", (n, n, 20, 29))) for n in range(2, 8)},
    }
    annotations = {
        stem: text.replace("<truncated>", POSE) for stem, text in annotations.items()
    }
    stems = list(annotations)
    lists = {"train": stems[:NUM_TRAIN], "val": stems[NUM_TRAIN:]}
    return write_voc(tmp_path / "VOCdevkit" / "VOC2007", annotations, lists)


@pytest.fixture
def prepared(tree, tmp_path, monkeypatch):
    """Folder with `voc/2007` as the builder prepares it from `tree`."""
    library = pytest.importorskip("tensorflow_datasets")
    from tensorflow_datasets.core import constants
    from tensorflow_datasets.object_detection.voc import Voc

    def split_generators(self, _):
        source = str(tree.parent.parent)
        return {
            "train": self._generate_examples(source, "train"),
            "validation": self._generate_examples(source, "val"),
        }

    data_dir = tmp_path / "prepared"
    with monkeypatch.context() as patch:
        patch.setattr(Voc, "_split_generators", split_generators)
        # Some releases import this backport without requiring it.
        patch.setitem(sys.modules, "importlib_resources", importlib.resources)
        library.builder("voc/2007", data_dir=str(data_dir)).download_and_prepare()
    monkeypatch.setattr(constants, "DATA_DIR", str(data_dir))
    return data_dir


def by_id(photos):
    return {photo.image_id: photo for photo in photos}


def test_photos_are_those_that_the_voc_reader_gives(prepared, tree):
    photos = by_id(tfds.read("tfds:voc/2007"))
    expected = by_id(voc.read(tree, "train"))
    assert photos.keys() == expected.keys()
    for image_id, photo in photos.items():
        # The same boxes: the builder's 1-based numbers were brought to 0-based.
        assert photo.objects == expected[image_id].objects
        assert photo.label == expected[image_id].label
        assert (photo.width, photo.height) == (40, 30)
        assert photo.source == "tfds:voc/2007"
        assert (
            decode(photo.load()).tolist() == decode(expected[image_id].load()).tolist()
        )


def test_splits_and_parts_of_splits(prepared):
    ids = [photo.image_id for photo in tfds.read("tfds:voc/2007")]
    assert len(ids) == NUM_TRAIN

    def read_ids(split):
        photos = tfds.read("tfds:voc/2007", split)
        return [photo.image_id for photo in photos]

    assert sorted(read_ids("validation")) == ["000006", "000007"]
    assert read_ids("train[1:3]") == ids[1:3]
    assert read_ids("train+validation") == ids + read_ids("validation")


def test_photos_of_records_become_a_pool(prepared):
    pool = prepare(tfds.read("tfds:voc/2007"), 16, cache="disk")
    assert len(pool) == NUM_TRAIN and pool.skipped == []


def test_unknown_split_names_those_there_are(prepared):
    with pytest.raises(ValueError, match="'test'.*train, validation"):
        tfds.read("tfds:voc/2007", "test")


def test_unknown_data_set_is_one_line(prepared):
    with pytest.raises(ValueError, match="tfds:no_such_set could not") as raised:
        tfds.read("tfds:no_such_set")
    assert "\n" not in str(raised.value)


def test_splits_are_those_that_are_prepared(prepared):
    """The voc builder knows of a `test` that was not prepared."""
    assert splits("tfds:voc/2007") == ("train", "validation")
    assert len(read("tfds:voc/2007", "validation")) == 2


def test_damaged_record_is_skipped_and_told(prepared):
    (path,) = prepared.glob("voc/2007/*/voc-train.tfrecord*")
    record = list_records(path, "image")[1]
    data = bytearray(path.read_bytes())
    data[record.offset : record.offset + 20] = b"\xff" * 20
    path.write_bytes(data)
    with pytest.raises(UnreadableImage, match="record"):
        record.load()
    photos = tfds.read("tfds:voc/2007")
    assert [problem.path_name for problem in photos.problems] == [f"{path}[1]"]
    pool = prepare(photos, 16)
    assert len(pool) == NUM_TRAIN - 1
    assert [skipped.name for skipped in pool.skipped] == [f"{path}[1]"]


def test_records_are_listed_where_they_are(prepared):
    tf = pytest.importorskip("tensorflow")
    (path,) = prepared.glob("voc/2007/*/voc-train.tfrecord*")
    expected = [data.numpy() for data in tf.data.TFRecordDataset(str(path))]
    content = path.read_bytes()
    found = [
        content[record.offset : record.offset + record.num_bytes]
        for record in list_records(path, "image")
    ]
    assert found == expected
    numbers = [record.number for record in list_records(path, "image", skip=1, take=2)]
    assert numbers == [1, 2]


def test_truncated_record_file_gives_the_whole_records(prepared):
    (path,) = prepared.glob("voc/2007/*/voc-train.tfrecord*")
    records = list_records(path, "image")
    path.write_bytes(path.read_bytes()[: records[-1].offset + 10])
    pool = prepare(tfds.read("tfds:voc/2007"), 16)
    assert len(pool) == NUM_TRAIN - 1 and len(pool.skipped) == 1


@pytest.mark.parametrize("length", [b"\xff" * 8, (10**6).to_bytes(8, "little")])
def test_a_damaged_length_loses_no_photo_in_silence(length, prepared):
    (path,) = prepared.glob("voc/2007/*/voc-train.tfrecord*")
    offset = list_records(path, "image")[1].offset
    data = bytearray(path.read_bytes())
    data[offset - 12 : offset - 4] = length
    path.write_bytes(data)
    pool = prepare(tfds.read("tfds:voc/2007"), 16)
    # The record itself cannot be read, those behind it cannot be found.
    assert len(pool) == 1 and len(pool.skipped) == 1
    missing = f"{NUM_TRAIN - 2} records cannot be found behind a damaged one"
    assert missing in [problem.reason for problem in pool.problems]


def test_a_label_of_minus_one_is_none(encode, draw):
    features = {
        "image": [encode(draw())],
        "label": [-1],
        "objects/label": [-1, 1],
        "objects/bbox": [0.0, 0.0, 0.5, 0.5] * 2,
    }
    path = pathlib.Path("x.tfrecord")
    record = types.SimpleNamespace(
        path=path, number=0, path_name="x[0]", read_features=lambda: features
    )
    names = ("cat", "dog")
    layout = tfds.TFDSLayout("image", "label", names, names, first_pixel=0)
    problems = []
    photo = tfds._read_photo(record, layout, "set", problems)
    assert [item.name for item in photo.objects] == ["dog"]
    assert [problem.kind for problem in problems] == ["box dropped: no class"]
    assert photo.label == "dog"  # of the main object, not the last of the names
    features.pop("objects/label")
    assert tfds._read_photo(record, layout, "set", []).label is None
