"""The documents: links that lead somewhere, flags that exist, and a short README."""

import contextlib
import functools
import importlib
import io
import re
import shlex
import urllib.parse

import pytest

from ssl_voc.cli.flags import parse
from ssl_voc.pretrain.objectives.registry import OBJECTIVES
from tests.interpreters import REPOSITORY

MOST_README_LINES = 220
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|^(?: {4}|\t).*$|`[^`]*`", re.DOTALL | re.MULTILINE)
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "saved_models/*.md")
    for path in REPOSITORY.glob(pattern)
)
COMMANDS = sorted(
    path.parent.name for path in (REPOSITORY / "ssl_voc").glob("*/__main__.py")
)
COMMAND = re.compile(r"(?:python -m ssl_voc\.|ssl-voc )([a-z]+) ([^\n`]*)")
FLAG = re.compile(r"(?<![\w=-])--[a-z][a-z-]*")
# Commands whose flags the page of another one names, too; and flags of `ray start`.
ALSO_NAMED = {
    "compare": ("finetune",),
    "evaluate": ("finetune",),
    "finetune": ("evaluate", "predict"),
    "inspect": ("finetune",),
    "study": ("finetune", "pretrain"),
}
OF_RAY = {"--address", "--head"}


def anchors_of(text):
    """Names that links of GitHub may give to the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


def broken_links(document):
    """Links of a document whose file or heading does not exist."""
    text = document.read_text(encoding="utf-8")
    broken = []
    for match in LINK.finditer(CODE.sub("", text)):
        target = match[1] or match[2]
        if urllib.parse.urlparse(target).scheme:
            continue  # no network
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        if not path.exists():
            broken.append(target)
        elif anchor and anchor not in anchors_of(path.read_text(encoding="utf-8")):
            broken.append(target)
    return broken


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY))
)
def test_every_link_leads_to_a_file_and_a_heading(document):
    assert broken_links(document) == []


def test_broken_links_are_found(tmp_path):
    (tmp_path / "other.md").write_text("# A heading: it's here\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md) [b](other.md#a-heading-its-here) [c](https://example.org)\n"
        "[d](missing.md) [e](other.md#nowhere) ![f](missing.png) `[g](code.md)`\n"
    )
    assert broken_links(page) == ["missing.md", "other.md#nowhere", "missing.png"]


def test_readme_is_short_and_names_every_command():
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_README_LINES
    for command in (REPOSITORY / "ssl_voc").glob("*/__main__.py"):
        page = f"docs/{command.parent.name}.md"
        assert f"({page})" in text
        assert (REPOSITORY / page).is_file()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_stands_where_a_reader_chooses(name):
    table = (REPOSITORY / "docs" / "pretrain.md").read_text(encoding="utf-8")
    assert f"| `{name}` |" in table


def commands_in(text):
    """Commands that a text shows: pairs of the name and the list of the arguments."""
    lines = text.replace("\\\n", " ")
    return [
        (name, shlex.split(arguments, comments=True))
        for name, arguments in COMMAND.findall(lines)
    ]


def config_of(name):
    """Class of the settings of a command."""
    module = importlib.import_module(f"ssl_voc.{name}.config")
    return getattr(module, f"{name.capitalize()}Config")


@functools.cache
def flags_of(name):
    """Flags that `--help` of a command lists, those of all objectives among them."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        with contextlib.suppress(SystemExit):
            parse(config_of(name), ["--help"], name, "")
    lines = printed.getvalue().splitlines()
    listed = [line.strip().split("  ")[0] for line in lines if line[:3] == "  -"]
    return {flag for each in listed for flag in FLAG.findall(each)}


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY))
)
def test_every_command_that_is_shown_has_its_flags(document):
    unknown = [
        (name, argument)
        for name, arguments in commands_in(document.read_text(encoding="utf-8"))
        for argument in arguments
        if FLAG.match(argument) and FLAG.match(argument)[0] not in flags_of(name)
    ]
    assert unknown == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_on_the_pages_of_commands_is_understood(name):
    pages = [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]
    texts = [page.read_text(encoding="utf-8") for page in pages]
    shown = [given for text in texts for of, given in commands_in(text) if of == name]
    assert shown
    for arguments in shown:
        if "--config" not in arguments:  # of a file that is not there
            parse(config_of(name), arguments, name, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_on_the_page_of_a_command_is_one(name):
    text = (REPOSITORY / "docs" / f"{name}.md").read_text(encoding="utf-8")
    known = set.union(OF_RAY, *map(flags_of, (name, *ALSO_NAMED.get(name, ()))))
    assert {*FLAG.findall(text)} - known == set()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_help_of_pretrain_lists_every_setting_of_an_objective(name):
    _, settings_of = config_of("pretrain").extensions
    settings = settings_of[name].__dataclass_fields__
    flags = {f"--{setting.replace('_', '-')}" for setting in settings}
    assert flags - flags_of("pretrain") == set()


def test_commands_and_flags_are_found():
    text = (
        "    python -m ssl_voc.pretrain --data a \\\n        --sed=3  # as --seed\n"
        "`ssl-voc study --arm \"b --seed 1\"` and 'ssl_voc.study'\n"
    )
    assert commands_in(text) == [
        ("pretrain", ["--data", "a", "--sed=3"]),
        ("study", ["--arm", "b --seed 1"]),
    ]
    assert FLAG.findall("`--seed`s, '--no-draw' and XLA=--xla_gpu, one--two") == [
        "--seed",
        "--no-draw",
    ]
    assert {"--config", "--resume", "--temperature", "--deterministic"} < flags_of(
        "pretrain"
    )
    assert "--no-draw" in flags_of("predict") and "--resume" not in flags_of("predict")
