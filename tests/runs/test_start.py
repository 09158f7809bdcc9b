"""Devices that a command asks for."""

import pytest

from ssl_voc.finetune import FinetuneConfig
from ssl_voc.runs.start import load_framework
from tests.interpreters import run_python


@pytest.mark.parametrize("device", ["", "cuda", "0,", "-1", "0 1"])
def test_other_devices_are_refused(device):
    with pytest.raises(ValueError, match="--device"):
        FinetuneConfig(device=device)


def test_the_device_is_no_setting_of_the_run():
    runs = {FinetuneConfig(device=device).resolved().out for device in ("cpu", "0,1")}
    assert len(runs) == 1


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
    assert said.startswith("--device 97,98,99: 0 accelerators")
    assert said.split()[-1] == "'97,98,99'"


def test_auto_takes_what_there_is(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    load_framework()
