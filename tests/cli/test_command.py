"""Exit statuses and what a person reads beside them."""

import dataclasses
import errno
import os
import signal
import subprocess
import sys

import pytest

from ssl_voc.cli.command import command_main
from ssl_voc.cli.errors import (
    BadInput,
    StoppedEarly,
    as_bad_input,
    is_out_of_memory,
)
from ssl_voc.cli.options import option
from ssl_voc.runs.progress_bar import progress_bar
from tests.terminal import Terminal


@dataclasses.dataclass(frozen=True)
class Config:
    """One flag."""

    epochs: int = option(3, "Passes.", minimum=1)


def run(function, *argv):
    return command_main(function, Config, "pretrain", "Learns.")(argv)


def fail(error):
    def function(config):
        with as_bad_input():
            raise error

    return function


def test_command_gets_its_config_and_spells_out_names_that_are_no_utf8(capsys):
    name = os.fsdecode(b"caf\xe9.jpg")
    assert run(lambda config: print(config.epochs, name), "--epochs", "5") == 0
    assert capsys.readouterr().out == "5 caf\\udce9.jpg\n"


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (BadInput("no photos in x"), 2, "error: no photos in x\n"),
        (BadInput("two\nlines"), 2, "error: two lines\n"),
        (OSError("no file a"), 2, "error: no file a\n"),
        (StoppedEarly("loss is nan"), 3, "stopped: loss is nan\n"),
        (KeyboardInterrupt(), 3, "stopped: interrupted\n"),
    ],
)
def test_expected_end_is_one_line_and_its_status(capsys, error, status, line):
    assert run(fail(error)) == status
    assert capsys.readouterr().err == line


def test_what_the_system_refuses_is_one_line(tmp_path, capsys):
    def look(config):
        raise PermissionError(13, "Permission denied", "/srv/photos")

    assert run(look) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: the system refused: ") and "/srv/photos" in error
    assert run(lambda config: os.stat(tmp_path / ("a" * 300))) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_termination_by_a_scheduler_is_an_interrupt(capsys):
    assert run(lambda config: signal.raise_signal(signal.SIGTERM)) == 3
    assert capsys.readouterr().err == "stopped: interrupted\n"


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("in the loss"), BrokenPipeError("of a worker")]
)
def test_defect_shows_its_traceback(error, capsys):
    assert run(fail(error)) == 1
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert f"{type(error).__name__}: {error}" in said


PRINT_MUCH = """
import dataclasses, sys
from ssl_voc.cli.command import command_main
from ssl_voc.cli.errors import as_bad_input
Config = dataclasses.make_dataclass("Config", [("epochs", int, 9)])
def talk(config):
    with as_bad_input():
        for _ in range(9999): print("a line of a run")
sys.exit(command_main(talk, Config, "pretrain", "Learns.")([]))
"""


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["-m", "ssl_voc", "--help"], 0),
        (["-m", "ssl_voc.export", "--help"], 0),
        (["-m", "ssl_voc.export", "nowhere"], 2),
        (["-c", PRINT_MUCH], 3),
    ],
)
def test_reader_that_has_had_enough_is_no_defect(arguments, status):
    reading, writing = os.pipe()
    os.close(reading)  # as `head` does
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    done = subprocess.run(
        [sys.executable, *arguments],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    os.close(writing)
    assert done.returncode == status, done.stderr
    assert done.stderr.count("\n") == (status == 2)


REFUSE = PRINT_MUCH.replace("9999", "9").replace(
    "\nsys.exit", "\n        raise ValueError('no photos')\nsys.exit"
)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full disk here")
@pytest.mark.parametrize("holds_errors", [False, True])
def test_a_full_disk_under_the_log_leaves_line_and_status(holds_errors):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", REFUSE],
            stdout=full,
            stderr=full if holds_errors else subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
        )
    assert done.returncode == 2, done.stderr
    if not holds_errors:
        assert done.stderr == "error: no photos\n"


WITHOUT_STREAMS = """
import sys
from ssl_voc.__main__ import main
sys.stdout = sys.stderr = None
assert main(["--help"]) == 0
assert main(["export", "nowhere"]) == 2
"""


def test_streams_are_not_needed():
    subprocess.run([sys.executable, "-c", WITHOUT_STREAMS], check=True)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BadInput("no"), KeyError(1)])
def test_an_end_is_told_on_a_line_below_the_bar_that_it_interrupts(monkeypatch, error):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", terminal)

    def prepare(config):
        progress = progress_bar("reading photos")
        progress(2, 5)
        raise error

    assert run(prepare) > 0
    _, _, told = terminal.getvalue().partition("2/5")
    assert told.partition("\n")[2].startswith(("stopped: ", "error: ", "Traceback"))


class ResourceExhaustedError(Exception):
    """TensorFlow's, for memory, disk and quota alike."""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_that_tensorflow_tells_is_not_called_full_memory(capsys, number):
    error = ResourceExhaustedError(f"models/1/variables/data; {os.strerror(number)}")
    assert not is_out_of_memory(error)
    assert run(fail(error)) == 2
    said = capsys.readouterr().err
    assert (
        said.startswith("error: the system refused: models/1") and "memory" not in said
    )


def test_full_memory_is_one_line(capsys):
    assert run(fail(ResourceExhaustedError("OOM when allocating tensor"))) == 2
    assert capsys.readouterr().err == "error: the memory is full.\n"
    assert run(fail(MemoryError())) == 2
    assert capsys.readouterr().err == "error: the memory is full.\n"
