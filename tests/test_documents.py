"""The documents: links that lead somewhere, and a README that can be read at once."""

import re
import urllib.parse

import pytest

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
    study = (REPOSITORY / "docs" / "study.md").read_text(encoding="utf-8")
    assert f"`{name}`" in study or f"`{name}:DATA`" in study
