"""What `python -m ssl_voc.finetune` refuses, and how it says so."""

import errno
import json
import re
import shutil

import pytest

from ssl_voc.cli.errors import BadInput, StoppedEarly
from ssl_voc.finetune import FinetuneConfig, finetune, main
from ssl_voc.finetune.run import FinetuningRun
from tests import tiny
from tests.finetune.settings import config, flags, prepare_place


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a VOC tree and a tiny backbone."""
    return prepare_place(tmp_path_factory.mktemp("finetune"))


def test_other_photos_are_refused_on_going_on_and_the_same_are_not(place, tmp_path):
    tree = shutil.copytree(place / "voc", tmp_path / "voc")
    listed = tree / "ImageSets" / "Main" / "train.txt"
    before, run = listed.read_text(), tmp_path / "run"
    changes = {"data": (str(tree),), "val_share": 0.0}
    finetune(config(place, run, epochs=1, **changes))
    listed.write_text("\n".join(before.splitlines()[1:]))
    with pytest.raises(BadInput, match="photos are not those|training_photos.tsv"):
        finetune(config(place, run, **changes))
    listed.write_text(before)
    finetune(config(place, run, **changes))
    rows = (run / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == [1, 2]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"label_fraction": 0.5, "labels_per_class": 3}, "exclude each other"),
        ({"crop_area": (1.2, 0.4)}, "two ascending areas, got 1.2 0.4"),
        ({"schedule": "staged", "unfreeze_epoch": 2}, "fewer than the 2 --epochs"),
        ({"unfreeze_epoch": 3}, "--schedule full does not look at it, got 3"),
        ({"schedule": "frozen", "backbone_rate": 0.1}, "trains the head alone"),
        ({"freeze_batch_norm": True, "drop_connect": 0.2}, "--drop-connect"),
        ({"label_fraction": 0.0}, "--label-fraction"),
        ({"data": ("/no/such/tree",)}, "does not exist"),
        (
            {"train_split": "trainval"},
            "has no split 'trainval'. Expected one of: train",
        ),
        ({"val_split": "test"}, "has no split 'test'"),
        ({"backbone": "ResNet50"}, "Unknown backbone"),
        ({"weights": "/no/such/run"}, "Weights not found"),
        (
            {"class_names": ("red", "cat")},
            "shows 'cat'; they show 'blue', 'green', 'red'",
        ),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    place, tmp_path, capsys, changes, complaint
):
    assert main(flags(place, tmp_path / "run", **changes)) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ") and complaint in line, line
    assert not (tmp_path / "run" / "summary.json").exists()


def test_weights_of_another_backbone_are_refused(place, tmp_path, capsys):
    tiny.build_backbone(32, channels=8).save(tmp_path / "narrow.keras")
    (tmp_path / "text.keras").write_text("no model")
    for name, complaint in (
        ("narrow.keras", "another architecture"),
        ("text.keras", "cannot be read as a Keras model"),
    ):
        weights = str(tmp_path / name)
        assert main(flags(place, tmp_path / "run", weights=weights)) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert name in line and complaint in line


def test_photos_without_boxes_are_refused(place, tmp_path, capsys):
    photos = str(place / "voc" / "JPEGImages")
    assert main(flags(place, tmp_path / "run", data=(photos,))) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "has no usable box" in line


def test_weights_that_overflow_stop_the_run_with_the_reason(place, tmp_path):
    with pytest.raises(StoppedEarly, match="is (nan|inf).*--learning-rate"):
        finetune(config(place, tmp_path / "run", learning_rate=1e30, warmup=0.0))
    assert not (tmp_path / "run" / "summary.json").exists()


def fit_after(monkeypatch, happens):
    """Lets something happen when all is read and the training begins."""
    fit = FinetuningRun.fit

    def late(finetuning):
        happens()
        fit(finetuning)

    monkeypatch.setattr(FinetuningRun, "fit", late)


def test_a_photo_that_goes_missing_stops_the_run_and_says_so(
    place, tmp_path, monkeypatch
):
    tree = shutil.copytree(place / "voc", tmp_path / "voc")
    fit_after(monkeypatch, lambda: shutil.rmtree(tree / "JPEGImages"))
    expected = "png can no longer be read: No such file.*0 of 2 epochs are saved"
    with pytest.raises(StoppedEarly, match=expected):
        finetune(config(place, tmp_path / "run", data=(str(tree),), cache="none"))


def test_a_full_disk_stops_the_run_and_says_so(place, tmp_path, monkeypatch):
    def refuse(self, epoch, logs=None):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ssl_voc.callbacks.Checkpoint.on_epoch_end", refuse)
    with pytest.raises(StoppedEarly, match="No space left.*0 of 2 epochs are saved"):
        finetune(config(place, tmp_path / "run"))


def test_other_boxes_are_refused_on_going_on(place, tmp_path):
    tree, run = shutil.copytree(place / "voc", tmp_path / "voc"), tmp_path / "run"
    changes = {"data": (str(tree),), "val_share": 0.0}
    finetune(config(place, run, epochs=1, **changes))
    annotation = tree / "Annotations" / "003.xml"
    text = annotation.read_text()
    annotation.write_text(re.sub("<xmax>.*</xmax>", "<xmax>39</xmax>", text))
    with pytest.raises(BadInput, match="their boxes or classes are not"):
        finetune(config(place, run, **changes))


def test_default_run_folder_is_found_again_by_the_same_settings():
    resolved = FinetuneConfig(data=("photos",)).resolved()
    assert resolved.out == FinetuneConfig(data=("photos",), epochs=99).resolved().out
    assert resolved.out != FinetuneConfig(data=("photos",), seed=1).resolved().out


@pytest.mark.parametrize(
    "data, expected",
    [
        ("scenes", "--data scenes --split SPLIT"),
        ("train.json", "--data OTHER_PHOTOS"),
    ],
)
def test_the_summary_names_photos_that_evaluate_takes(
    data, expected, tmp_path, monkeypatch
):
    from types import SimpleNamespace

    from ssl_voc.finetune.report import format_summary
    from ssl_voc.tasks import TASKS

    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.json").write_text("{}")
    said = format_summary(
        SimpleNamespace(path=tmp_path),
        SimpleNamespace(data=(data,)),
        TASKS["detect"],
        SimpleNamespace(
            validation=None, training=SimpleNamespace(class_names=("cat",))
        ),
        {"num_images": 3},
    )
    assert said.endswith(f"python -m ssl_voc.evaluate {tmp_path} {expected}")
