"""What `python -m ssl_voc.finetune` refuses, and how it says so."""

import re
import shutil
from types import SimpleNamespace

import pytest

from ssl_voc.cli.errors import BadInput, Diverged, StoppedEarly
from ssl_voc.finetune import FinetuneConfig, finetune, main
from ssl_voc.finetune.report import format_summary, tell_of_frozen_start
from ssl_voc.finetune.run import FinetuningRun
from ssl_voc.runs.json_files import read_json, read_jsonl
from ssl_voc.tasks import TASKS
from tests.finetune.settings import config, flags


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"label_fraction": 0.5, "labels_per_class": 3}, "--labels-per-class"),
        ({"crop_area": (1.2, 0.4)}, "--crop-area: .*1.2 0.4"),
        ({"schedule": "staged", "unfreeze_epoch": 2, "epochs": 2}, "--epochs"),
        ({"schedule": "staged", "epochs": 1}, "fewer than the 1 --epochs, got 1"),
        ({"unfreeze_epoch": 3}, "--unfreeze-epoch: .*--schedule full"),
        ({"schedule": "frozen", "backbone_rate": 0.1}, "--backbone-rate: .*frozen"),
        ({"batch_norm": "frozen", "drop_connect": 0.2}, "--drop-connect"),
        ({"patience": 3, "val_share": 0.0}, "--patience: .*--val-split"),
        ({"mosaic": 0.5}, "--mosaic: .*--task detect; --task localize"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(changes, named):
    with pytest.raises(ValueError, match=named):
        FinetuneConfig(**changes)


@pytest.mark.parametrize(
    ("changes", "begun", "refused"),
    [
        ({}, False, True),
        ({}, True, False),  # a run of before goes on
        ({"task": "detect"}, False, False),
        ({"backbone": "own.keras"}, False, False),
    ],
)
def test_a_localizer_wants_cells_that_divide_the_photo(
    tmp_path, monkeypatch, changes, begun, refused
):
    def begin(config, command):
        raise StoppedEarly("begun")

    monkeypatch.setattr("ssl_voc.finetune.command.open_run", begin)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.keras").touch()
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    if begun:
        (tmp_path / "run" / "checkpoints" / "epoch_00001.npz").touch()
    settings = {"data": ("scenes",), "out": tmp_path / "run", "weights": None}
    error, told = (
        (BadInput, "96 or 128, got 100") if refused else (StoppedEarly, "begun")
    )
    with pytest.raises(error, match=told):
        finetune(FinetuneConfig(image_size=100, **settings, **changes))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"label_fraction": 0.0}, "--label-fraction"),
        ({"backbone": "ResNet50"}, "ResNet50"),
        ({"weights": "/no/such/run"}, "/no/such/run"),
        ({"data": ("/no/such/tree",)}, "/no/such/tree"),
    ],
)
def test_bad_input_is_one_line_and_status_2(place, tmp_path, capsys, changes, named):
    assert main(flags(place, tmp_path / "run", **changes)) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ") and named in line, line
    assert not (tmp_path / "run" / "summary.json").exists()


@pytest.mark.slow
def test_a_run_goes_on_with_the_photos_and_labels_that_it_began_with(place, tmp_path):
    tree = shutil.copytree(place / "voc", tmp_path / "voc")
    listed = tree / "ImageSets" / "Main" / "train.txt"
    before, run = listed.read_text(), tmp_path / "run"
    changes = {"data": (str(tree),), "val_share": 0.0}
    finetune(config(place, run, epochs=1, **changes))
    listed.write_text("\n".join(before.splitlines()[1:]))
    with pytest.raises(BadInput, match="training_photos.tsv"):
        finetune(config(place, run, **changes))
    listed.write_text(before)
    annotation = tree / "Annotations" / "003.xml"
    text = annotation.read_text()
    annotation.write_text(re.sub("<xmax>.*</xmax>", "<xmax>39</xmax>", text))
    with pytest.raises(BadInput, match="boxes or classes"):
        finetune(config(place, run, **changes))
    annotation.write_text(text)
    finetune(config(place, run, **changes))
    assert [row["epoch"] for row in read_jsonl(run / "metrics.jsonl")] == [1, 2]


@pytest.mark.slow
def test_weights_that_overflow_stop_the_run_with_the_reason(place, tmp_path):
    with pytest.raises(Diverged, match="is (nan|inf).*--learning-rate"):
        finetune(
            config(
                place, tmp_path / "run", learning_rate=1e30, warmup=0.0, val_share=0.0
            )
        )
    assert not (tmp_path / "run" / "summary.json").exists()
    assert read_json(tmp_path / "run" / "manifest.json")["diverged"]


@pytest.mark.slow
def test_a_photo_that_goes_missing_stops_the_run_and_says_so(
    place, tmp_path, monkeypatch
):
    tree = shutil.copytree(place / "voc", tmp_path / "voc")
    fit = FinetuningRun.fit

    def lose_photos(finetuning):
        shutil.rmtree(tree / "JPEGImages")
        fit(finetuning)

    monkeypatch.setattr(FinetuningRun, "fit", lose_photos)
    expected = "png can no longer be read: No such file.*0 of 2 epochs"
    with pytest.raises(StoppedEarly, match=expected):
        finetune(config(place, tmp_path / "run", data=(str(tree),), cache="none"))


@pytest.mark.parametrize(
    ("settings", "installed", "backbone"),
    [
        ({"task": "detect"}, True, "auto"),
        ({"task": "detect", "weights": None}, True, "keras_cv:CSPDarkNetTinyBackbone"),
        ({"task": "detect"}, False, "EfficientNetB1"),
        ({"task": "detect", "weights": None}, False, "EfficientNetB1"),
        ({"task": "detect", "weights": "imagenet"}, True, "EfficientNetB1"),
        ({"task": "detect", "drop_connect": 0.2}, True, "EfficientNetB1"),
        ({"task": "detect", "backbone": "EfficientNetB0"}, True, "EfficientNetB0"),
        ({"task": "localize"}, True, "EfficientNetB1"),
        ({"task": "localize", "backbone": "auto"}, True, "EfficientNetB1"),
    ],
)
def test_default_backbone_depends_on_task_and_weights(
    monkeypatch, settings, installed, backbone
):
    monkeypatch.setattr("ssl_voc.finetune.config.find_spec", lambda name: installed)
    assert FinetuneConfig(**settings).resolved().backbone == backbone


@pytest.mark.parametrize(
    ("changes", "weights", "told"),
    [
        ({"schedule": "frozen"}, None, "--schedule frozen keeps random weights"),
        ({"batch_norm": "frozen"}, None, "--batch-norm frozen keeps statistics of no"),
        ({"schedule": "frozen"}, "imagenet", ""),
        ({"schedule": "frozen", "backbone": "own.keras"}, None, ""),
        ({}, None, ""),
    ],
)
def test_frozen_parts_of_random_weights_are_told(changes, weights, told, capsys):
    run = SimpleNamespace(manifest={"weights": weights})
    tell_of_frozen_start(run, FinetuneConfig(**changes).resolved())
    said = capsys.readouterr().out
    assert told in said and bool(told) == bool(said)


def test_defaults_follow_from_the_settings():
    resolved = FinetuneConfig(data=("photos",)).resolved()
    assert resolved.out == FinetuneConfig(data=("photos",), epochs=99).resolved().out
    assert resolved.out != FinetuneConfig(data=("photos",), seed=1).resolved().out
    detect = FinetuneConfig(task="detect").resolved()
    localize = FinetuneConfig(task="localize").resolved()
    assert (detect.image_size, localize.image_size) == (160, 128)
    assert detect.crop_area == (0.4, 1.6) and localize.crop_area == (0.4, 1.3)
    given = FinetuneConfig(task="detect", image_size=96, crop_area=(0.5, 1.0))
    assert given.resolved().image_size == 96
    assert given.resolved().crop_area == (0.5, 1.0)


@pytest.mark.parametrize(
    ("lists", "train_split", "val_split", "expected"),
    [
        ("train val + train test", None, None, "--data A --split val"),
        ("train + train mine", None, None, "--data B --split SPLIT"),
        ("train val + trainval val", None, None, "--data A --split val"),
        ("train test val + trainval val test", None, "val", "--split test"),
        ("train val + train test", "all", None, "--data OTHER_PHOTOS"),
        ("train val", None, None, "--split val"),
        ("train val", None, "val", "--data OTHER_PHOTOS"),
        ("train val", None, "valid", "--data OTHER_PHOTOS"),
        ("train val trainval", None, None, "--split val"),
        ("train val trainval", "trainval", None, "--data OTHER_PHOTOS"),
        ("train val trainval test", "trainval", None, "--split test"),
        ("val trainval", None, None, "--data OTHER_PHOTOS"),
        ("val test", None, None, "--data OTHER_PHOTOS"),
        ("train val", "all", None, "--data OTHER_PHOTOS"),
        ("train mine", None, None, "--split SPLIT"),
        ("", None, None, "--data OTHER_PHOTOS"),
    ],
)
def test_the_summary_names_photos_that_evaluate_takes(
    lists, train_split, val_split, expected, tmp_path
):
    # Without lists it is a json that is one split, or data that has vanished.
    data = []
    for place, own in zip("AB", lists.split("+"), strict=False):
        data.append(str(tmp_path / place))
        expected = expected.replace(f"--data {place} ", f"--data {data[-1]} ")
        for name in own.split():
            path = tmp_path / place / "ImageSets" / "Main" / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            (tmp_path / place / "JPEGImages").mkdir(exist_ok=True)
    run = SimpleNamespace(path=tmp_path)
    config = FinetuneConfig(data=(*data,), train_split=train_split, val_split=val_split)
    training = SimpleNamespace(class_names=("cat",))
    pools = SimpleNamespace(validation=None, training=training, unlabeled=None)
    said = format_summary(run, config, TASKS["detect"], pools, {"num_images": 3})
    assert said.endswith(f"python -m ssl_voc.evaluate {tmp_path} {expected}")
    assert ("held out        none" in said) == ("OTHER_PHOTOS" in expected)
