"""Builders of TensorFlow Datasets write small data sets; nothing is downloaded."""

import importlib.resources
import re
import shutil
import sys

import pytest

from pipelines.pools.preparation import prepare
from pipelines.readers import tfds, voc
from pipelines.readers.sources import read, splits

library = pytest.importorskip("tensorflow_datasets")

# The builder wants `pose`, which our readers do not need.
POSE = "<pose>Left</pose><truncated>"
NUM_TRAIN = 5


@pytest.fixture(scope="module")
def tree(tmp_path_factory, write_voc, voc_xml):
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
    root = tmp_path_factory.mktemp("devkit") / "VOCdevkit"
    return write_voc(root / "VOC2007", annotations, lists)


class TinyPets(library.core.GeneratorBasedBuilder):
    """Photos without names, some without labels; one, and all masks, are damaged."""

    VERSION = library.core.Version("1.0.0")
    NAMES = ("cat", "dog")
    photo = damaged = None  # paths of files

    def _info(self):
        features = library.features
        label = features.ClassLabel(names=self.NAMES)
        objects = features.Sequence({"bbox": features.BBoxFeature(), "label": label})
        return self.dataset_info_from_configs(
            features=features.FeaturesDict(
                {
                    "image": features.Image(),
                    "mask": features.Image(),
                    "label": label,
                    "objects": objects,
                }
            )
        )

    def _split_generators(self, _):
        return {"everything": self._generate_examples()}

    def _generate_examples(self):
        box = library.features.BBox(0.0, 0.0, 0.5, 0.5)
        for key, label, labels in (("a", -1, [-1, 1]), ("b", 0, []), ("c", -1, [])):
            objects = [{"bbox": box, "label": number} for number in labels]
            image = self.damaged if key == "c" else self.photo
            masked = {"image": image, "mask": self.damaged}
            yield key, {**masked, "label": label, "objects": objects}


@pytest.fixture(scope="module")
def prepared(tree, tmp_path_factory, write_photo):
    """Folder with `voc/2007`, made from `tree` by its builder, and with `TinyPets`."""
    from tensorflow_datasets.object_detection.voc import Voc

    def split_generators(self, _):
        source = str(tree.parent.parent)
        return {
            "train": self._generate_examples(source, "train"),
            "validation": self._generate_examples(source, "val"),
        }

    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Voc, "_split_generators", split_generators)
        patch.setattr(TinyPets, "photo", str(write_photo(folder / "photo.jpg")))
        patch.setattr(TinyPets, "damaged", str(folder / "damaged.jpg"))
        (folder / "damaged.jpg").write_bytes(b"<html>")
        # Some releases import this backport without requiring it.
        patch.setitem(sys.modules, "importlib_resources", importlib.resources)
        for name in ("voc/2007", "tiny_pets"):
            library.builder(name, data_dir=str(folder)).download_and_prepare()
    return folder


@pytest.fixture(autouse=True)
def data_dir(prepared, monkeypatch):
    """Where TensorFlow Datasets looks for what is prepared."""
    from tensorflow_datasets.core import constants

    monkeypatch.setattr(constants, "DATA_DIR", str(prepared))


def by_id(photos):
    return {photo.image_id: photo for photo in photos}


def test_photos_are_those_that_the_voc_reader_gives(tree):
    photos = by_id(tfds.read("tfds:voc/2007"))
    expected = by_id(voc.read(tree, "train"))
    assert photos.keys() == expected.keys()
    for image_id, photo in photos.items():
        # The same boxes: the builder's 1-based numbers were brought to 0-based.
        assert photo.objects == expected[image_id].objects
        assert photo.label == expected[image_id].label
        assert (photo.width, photo.height) == (40, 30)
        assert photo.source == "tfds:voc/2007"
        assert photo.load() == expected[image_id].load()  # not encoded anew


def test_splits_are_those_that_are_prepared_and_parts_of_them():
    def read_ids(split=None):
        return [photo.image_id for photo in tfds.read("tfds:voc/2007", split)]

    ids = read_ids()
    assert len(ids) == NUM_TRAIN
    assert sorted(read_ids("validation")) == ["000006", "000007"]
    assert read_ids("train[1:3]") == ids[1:3]
    assert read_ids("train+validation") == ids + read_ids("validation")
    # The voc builder knows of a `test` that was not prepared.
    assert splits("tfds:voc/2007") == ("train", "validation")
    assert splits("tfds:tiny_pets") == ("everything",)


def test_records_become_a_pool_and_are_known_again():
    calls = []
    photos = read("tfds:voc/2007", progress=lambda *call: calls.append(call))
    assert calls == [(done, NUM_TRAIN) for done in range(1, NUM_TRAIN + 1)]
    pool = prepare(photos, 16, cache="disk")
    assert len(pool) == NUM_TRAIN and pool.skipped == []
    again = [photo.content.fingerprint() for photo in read("tfds:voc/2007")]
    assert again == [photo.content.fingerprint() for photo in photos]
    assert len(set(again)) == NUM_TRAIN


def test_photos_without_names_or_labels():
    photos = tfds.read("tfds:tiny_pets")
    assert len({photo.image_id for photo in photos}) == 3
    assert photos[0].image_id.startswith("tiny_pets-everything.tfrecord-00000-of-00001")
    found = {(photo.label, *(item.name for item in photo.objects)) for photo in photos}
    # A photo without a label has that of its main object.
    assert found == {("dog", "dog"), ("cat",), (None,)}
    kinds = {problem.kind for problem in photos.problems}
    assert kinds == {"box dropped: no class", "annotation unreadable"}
    pool = prepare(photos, 16)
    (problem,) = [p for p in photos.problems if p.kind == "annotation unreadable"]
    assert [skipped.path_name for skipped in pool.skipped] == [problem.path_name]
    assert len(pool) == 2


@pytest.mark.parametrize(
    ("source", "split", "words"),
    [
        ("tfds:voc/2007", "test", "'test'.*train, validation"),
        ("tfds:no_such_set", None, "tfds:no_such_set could not"),
    ],
)
def test_what_is_not_there_is_told_in_a_line(source, split, words):
    with pytest.raises(ValueError, match=words) as raised:
        tfds.read(source, split)
    assert "\n" not in str(raised.value)


@pytest.fixture
def damaged(prepared, tmp_path, monkeypatch):
    """The file of `voc/2007`'s training records, in a copy that may be damaged."""
    from tensorflow_datasets.core import constants

    copy = shutil.copytree(prepared, tmp_path / "copy")
    monkeypatch.setattr(constants, "DATA_DIR", str(copy))
    (path,) = copy.glob("voc/2007/*/voc-train.tfrecord*")
    return path


def test_photos_behind_a_damaged_record_are_counted(damaged):
    data = bytearray(damaged.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20] = b"\xff" * 20
    damaged.write_bytes(data)
    photos = read("tfds:voc/2007", "train+validation")
    lost = NUM_TRAIN + 2 - len(photos)
    assert 0 < lost < NUM_TRAIN and {"000006", "000007"} < by_id(photos).keys()
    kinds = [problem.kind for problem in photos.problems]
    assert kinds == ["record damaged", "photo missing"]
    assert f"{lost} photos" in photos.problems[1].reason


def test_missing_file_of_records_is_named(damaged):
    damaged.unlink()
    with pytest.raises(ValueError, match=damaged.name):
        read("tfds:voc/2007")


def wrapped(error):
    """The error as a library passes it on."""
    try:
        try:
            raise error
        except ImportError as inner:
            raise RuntimeError("Failed to construct the builder") from inner
    except RuntimeError as outer:
        return outer


LACKING = ModuleNotFoundError("No module named 'apache_beam.io'", name="apache_beam.io")


@pytest.mark.parametrize(
    ("error", "told", "never"),
    [
        (LACKING, "pip install apache_beam[)]", "name,"),
        (wrapped(LACKING), "pip install apache_beam[)]", "name,"),
        (ImportError("cannot import name 'x'"), "Install the module", "pip|name,"),
        (ValueError("Dataset nonesuch not found."), "found. Check the name", "Install"),
    ],
)
@pytest.mark.parametrize("step", ["builder", "download_and_prepare"])
def test_a_missing_module_is_never_called_a_wrong_name(
    step, error, told, never, monkeypatch
):

    def fail(*arguments):
        raise error

    builder = type("Builder", (), {"download_and_prepare": fail})
    build = fail if step == "builder" else lambda name: builder()
    monkeypatch.setattr(library, "builder", build)
    with pytest.raises(ValueError, match=told) as caught:
        read("tfds:some_set")
    assert "TFDS_DATA_DIR" in str(caught.value)
    assert not re.search(never, str(caught.value))
