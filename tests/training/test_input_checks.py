"""What is refused before anything heavy is loaded, and the backbone of weights."""

import json
import sys

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.finetune import FinetuneConfig
from ssl_voc.pretrain import PretrainConfig
from ssl_voc.training.input_checks import refuse_missing_inputs
from tests.interpreters import run_python


@pytest.fixture
def run(tmp_path):
    """Returns `run(command)`: a run folder of it, finished but for its weights."""

    def run(command):
        folder = tmp_path / "photos"
        folder.mkdir()
        manifest = {"program": "ssl_voc", "command": command}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        (folder / "config.yaml").write_text("backbone: ConvNeXtTiny\n")
        return folder

    return run


def test_weights_of_a_run_bring_their_backbone(run):
    folder = run("pretrain")
    (folder / "backbone.keras").write_text("")
    for weights in (folder, folder / "backbone.keras"):
        config = PretrainConfig(weights=str(weights), data=("tfds:voc",)).resolved()
        assert config.backbone == "ConvNeXtTiny"
        refuse_missing_inputs(config)
    given = PretrainConfig(weights=str(folder), backbone="ResNet50V2").resolved()
    assert given.backbone == "ResNet50V2"


@pytest.mark.parametrize(
    ("command", "words"),
    [("finetune", "run of finetune"), ("pretrain", "--resume .*--finish")],
)
def test_runs_that_give_no_weights_are_told_apart(run, command, words):
    folder = str(run(command))
    for flag in ("weights", "teacher"):
        with pytest.raises(BadInput, match=f"^--{flag}: .*{words}"):
            refuse_missing_inputs(distill(**{flag: folder}).resolved())


def distill(teacher="dinov2_small", **settings):
    """Settings whose teacher is looked at after data and weights."""
    return PretrainConfig(objective="distill", teacher=teacher, **settings)


def test_a_preset_without_its_library_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(BadInput, match=r"^--teacher: dinov2_small .*'\.\[teachers\]'"):
        refuse_missing_inputs(distill().resolved())


def test_a_teacher_that_is_neither_path_nor_preset_is_told_what_is_expected():
    with pytest.raises(BadInput, match=r"^--teacher: .*dinov2_\*.*dinov3_\*"):
        refuse_missing_inputs(distill("vit_small").resolved())


def test_a_run_without_an_epoch_is_not_finished(tmp_path):
    config = PretrainConfig(out=tmp_path, finish=True).resolved()
    with pytest.raises(BadInput, match="^--finish: no checkpoint of an epoch"):
        refuse_missing_inputs(config)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "epoch_00001.npz").touch()
    refuse_missing_inputs(config)


@pytest.mark.parametrize("flag", ["data", "weights", "backbone", "teacher"])
def test_a_missing_path_names_the_one_that_was_meant(tmp_path, flag):
    (tmp_path / "kangaroo_160.keras").mkdir()
    path = str(tmp_path / "kangaro_160.keras")
    config = distill(**{flag: (path,) if flag == "data" else path}).resolved()
    with pytest.raises(BadInput, match=f"^--{flag}: .*mean .*kangaroo_160"):
        refuse_missing_inputs(config)


@pytest.mark.parametrize("flag", ["data", "weights", "backbone", "teacher"])
def test_a_path_in_the_home_of_nobody_does_not_exist(flag):
    path = "~no_such_user/photos.keras"
    config = distill(**{flag: (path,) if flag == "data" else path}).resolved()
    with pytest.raises(BadInput, match=f"^--{flag}: {path} does not exist"):
        refuse_missing_inputs(config)


@pytest.mark.parametrize("flag", ["data", "unlabeled"])
def test_a_folder_whose_name_begins_like_a_keyword_is_looked_for(
    tmp_path, monkeypatch, flag
):
    (tmp_path / "scenes_2024").mkdir()
    monkeypatch.chdir(tmp_path)
    config = FinetuneConfig(**{flag: ("scenes_2042",)}).resolved()
    words = f"^--{flag}: scenes_2042 does not exist. Did you mean scenes_2024"
    with pytest.raises(BadInput, match=words):
        refuse_missing_inputs(config)
    for known in ("scenes", "tfds:voc/2007"):
        refuse_missing_inputs(FinetuneConfig(**{flag: (known,)}).resolved())


def test_wrong_input_is_told_before_keras_is_loaded_and_leaves_no_folder(tmp_path):
    wrong = {
        ("--data", "/no/such"): "--data: /no/such does not exist",
        ("--backbone", "EfficientNetB11"): "mean EfficientNetB1",
        ("--backbone", "keras_cv:ResNet18"): "mean keras_cv:ResNet18Backbone",
    }
    program = (
        "import sys\n"
        "from ssl_voc.finetune import main\n"
        "sys.stderr = sys.stdout\n"
        "_, out, *flags = sys.argv\n"
        "for flag in zip(flags[::2], flags[1::2]):\n"
        "    print(main(['--out', out, *flag]), 'keras' in sys.modules)\n"
    )
    flags = [word for flag in wrong for word in flag]
    said = run_python("tensorflow", "-c", program, tmp_path / "run", *flags)
    *told, rest = said.split("2 False\n")
    assert rest == ""
    for line, words in zip(told, wrong.values(), strict=True):
        assert words in line
    assert not (tmp_path / "run").exists()
