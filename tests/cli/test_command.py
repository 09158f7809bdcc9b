"""Exit statuses and what a person reads beside them."""

import dataclasses
import os

import pytest

from ssl_voc.cli.command import run_command
from ssl_voc.cli.errors import BadInput, StoppedEarly, as_bad_input
from ssl_voc.cli.options import option


@dataclasses.dataclass(frozen=True)
class Config:
    """One flag."""

    epochs: int = option(3, "Passes.", minimum=1)


def run(function, *argv):
    return run_command(function, Config, argv, "pretrain", "Learns.")


def fail(error):
    def function(config):
        with as_bad_input():
            raise error

    return function


def test_command_gets_its_config_and_is_done():
    seen = []
    assert run(seen.append, "--epochs", "5") == 0
    assert seen == [Config(epochs=5)]


def test_names_that_are_no_utf8_are_printed_spelled_out(capsys):
    assert run(lambda config: print(os.fsdecode(b"caf\xe9.jpg"))) == 0
    assert capsys.readouterr().out == "caf\\udce9.jpg\n"


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


def test_defect_shows_its_traceback(capsys):
    assert run(fail(ZeroDivisionError("in the loss"))) == 1
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "ZeroDivisionError: in the loss" in said
