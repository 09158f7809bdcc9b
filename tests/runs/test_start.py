"""Devices that a command asks for."""

import json
import os

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.finetune import FinetuneConfig
from ssl_voc.pretrain import PretrainConfig
from ssl_voc.runs import start
from ssl_voc.runs.onednn import VARIABLE
from ssl_voc.runs.start import load_framework
from ssl_voc.runs.start_rules import begun_manifest
from tests.interpreters import run_python


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch):
    """Nothing has been chosen yet, and no GPU is hidden."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "x")  # restores it
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    start._visible_gpus.cache_clear()
    yield
    start._visible_gpus.cache_clear()


@pytest.mark.parametrize("device", ["", "cuda", "0,", "-1", "0 1"])
def test_other_devices_are_refused(device):
    with pytest.raises(ValueError, match="--device"):
        FinetuneConfig(device=device)


def test_the_device_is_no_setting_of_the_run():
    runs = {FinetuneConfig(device=device).resolved().out for device in ("cpu", "0,1")}
    assert len(runs) == 1


@pytest.mark.slow
def test_devices_are_chosen_before_the_backend_sees_them():
    program = (
        "import os, sys\n"
        "from ssl_voc.cli.errors import BadInput\n"
        "from ssl_voc.runs.start import load_framework\n"
        "try:\n"
        "    load_framework(sys.argv[1])\n"
        "except BadInput as error:\n"
        "    print(error)\n"
        "print(repr(os.environ.get('CUDA_VISIBLE_DEVICES')))"
    )
    assert run_python("tensorflow", "-c", program, "cpu").split() == ["''"]
    # No machine has that many.
    said = run_python("tensorflow", "-c", program, "97,98,99")
    assert said.startswith("--device 97,98,99: the backend sees 0 accelerators")
    assert said.split()[-1] == "'97,98,99'"


@pytest.mark.parametrize(
    ("visible", "numbers", "chosen"),
    [
        (None, "1,0", "1,0"),
        ("2,3", "0", "2"),
        ("2,3", "1,0", "3,2"),
        ("GPU-8932f937, MIG-5c89", "1", "MIG-5c89"),
        ("4,5,-1,6", "1", "5"),
    ],
)
def test_numbers_count_the_gpus_that_a_scheduler_shows(
    monkeypatch, visible, numbers, chosen
):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr("ssl_voc.devices.accelerators", lambda: 2)
    for _ in range(2):  # two trainings of one process
        load_framework(numbers)
        assert os.environ["CUDA_VISIBLE_DEVICES"] == chosen


@pytest.mark.parametrize(
    ("visible", "shown"), [("", 0), ("-1", 0), ("2", 1), ("4,-1,5", 1)]
)
def test_a_number_beyond_those_that_are_shown_is_refused(monkeypatch, visible, shown):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(BadInput, match=f"--device 1: .*shows {shown} GPUs"):
        load_framework("1")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == visible


def test_auto_takes_what_there_is():
    load_framework()
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_kernels_of_a_plain_cpu_are_told_and_recorded(tmp_path, monkeypatch, capsys):
    calls = []

    def choose(*arguments):
        calls.append(arguments)
        monkeypatch.setenv(VARIABLE, "1")
        return True

    monkeypatch.setattr(start, "instruction_sets", lambda: ("AVX2",))
    monkeypatch.setattr(start, "choose_onednn", choose)
    monkeypatch.setattr(start, "load_framework", calls.append)
    monkeypatch.setattr(start, "current_backend", lambda: "tensorflow")
    config = PretrainConfig(out=tmp_path / "run").resolved()
    with start.open_run(config, "pretrain") as run:
        assert run.manifest["onednn"] == "1"
    # TensorFlow, which reads the variable when it is loaded, comes after it.
    assert calls == [(96, ("AVX2",), {}), "auto"]
    printed = capsys.readouterr().out.splitlines()
    assert "CPU: AVX2; oneDNN on (TF_ENABLE_ONEDNN_OPTS)" in printed


@pytest.mark.slow
def test_kernels_are_chosen_before_tensorflow_is_loaded(tmp_path):
    program = (
        "import json, os, sys\n"
        "from ssl_voc.pretrain import PretrainConfig\n"
        "from ssl_voc.runs import start\n"
        "start.instruction_sets = lambda: ('AVX2',)\n"
        "config = PretrainConfig(out=sys.argv[1]).resolved()\n"
        "os.environ.pop('TF_ENABLE_ONEDNN_OPTS', None)\n"
        "with start.open_run(config, 'pretrain') as run:\n"
        "    print(os.environ['TF_ENABLE_ONEDNN_OPTS'], run.manifest['onednn'])"
    )
    said = run_python("tensorflow", "-c", program, tmp_path / "run")
    assert "CPU: AVX2; oneDNN on (TF_ENABLE_ONEDNN_OPTS)" in said.splitlines()
    assert said.splitlines()[-1] == "1 1"


def test_only_a_run_with_work_that_is_not_replaced_goes_on(tmp_path):
    manifest = {"program": "ssl_voc", "command": "pretrain", "onednn": "1"}
    assert begun_manifest(tmp_path / "none", False) == {}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert begun_manifest(tmp_path, False) == {}
    (tmp_path / "checkpoints").mkdir()
    assert begun_manifest(tmp_path, False) == manifest
    assert begun_manifest(tmp_path, True) == {}
