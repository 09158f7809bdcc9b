"""One way in: `python -m ssl_voc` and the console script."""

import configparser
import pkgutil
import subprocess
import sys

import pytest

import ssl_voc
from ssl_voc.__main__ import COMMANDS, main
from tests.interpreters import REPOSITORY


def test_every_folder_with_an_entry_is_a_command_listed_on_a_line(capsys):
    found = (REPOSITORY / "ssl_voc").glob("*/__main__.py")
    assert {path.parent.name for path in found} == set(COMMANDS)
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert main(["help"]) == 0
    assert capsys.readouterr().out == printed
    lines = printed.split("commands:\n")[1].splitlines()
    listed = [line.split(None, 1) for line in lines[: len(COMMANDS)]]
    assert [name for name, _ in listed] == list(COMMANDS)
    assert all(len(what) > 20 for _, what in listed)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"ssl-voc {ssl_voc.__version__}\n"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("pretain", "Did you mean pretrain"), ("xyz", "evaluate, compare")],
)
def test_unknown_command_is_one_line_and_status_2(name, hint, capsys):
    assert main([name, "--data", "x"]) == 2
    said = capsys.readouterr().err
    assert name in said and hint in said and said.count("\n") == 1


def test_console_script_is_this_function_and_passes_arguments_on(capsys):
    assert main(["evaluate", "--seed", "x", "run"]) == 2
    assert "--seed" in capsys.readouterr().err
    config = configparser.ConfigParser()
    config.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    script = config["options.entry_points"]["console_scripts"].split("=", 1)
    assert script[0].strip() == "ssl-voc"
    assert pkgutil.resolve_name(script[1].strip()) is main


LIST_AND_HELP = """
import sys
from ssl_voc.__main__ import COMMANDS, main

for argv in [[], *([name, "--help"] for name in COMMANDS)]:
    try:
        main(argv)
    except SystemExit as end:
        assert end.code == 0
heavy = {*"keras tensorflow jax torch numpy matplotlib PIL yaml pipelines".split()}
sys.exit(" ".join(heavy & set(sys.modules)) or 0)
"""


def test_list_and_help_load_nothing_heavy():
    script = [sys.executable, "-c", LIST_AND_HELP]
    done = subprocess.run(script, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in COMMANDS:
        assert f"usage: python -m ssl_voc.{name} [OPTIONS]" in done.stdout
        assert f"Example: python -m ssl_voc.{name} " in done.stdout
