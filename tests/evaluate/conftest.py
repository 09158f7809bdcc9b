"""Trees, runs and recorded contact sheets for the tests of evaluate."""

import pytest

from ssl_voc.evaluate import gallery
from tests.evaluate.oracle import write_run, write_tree


@pytest.fixture
def sheets(monkeypatch):
    """Title and tiles of each gallery, by name, while the test lasts."""
    recorded = {}

    def record(path, sections, num_columns, title, legend):
        recorded[path.stem.removeprefix("gallery_")] = title, sections[0][1]

    monkeypatch.setattr(gallery, "draw_contact_sheet", record)
    return recorded


@pytest.fixture
def tree(tmp_path):
    """A VOC tree of rectangles."""
    return write_tree(tmp_path / "tree")


@pytest.fixture
def run(tmp_path, tree):
    """A finished run whose model sees them."""
    return write_run(tmp_path / "run", tree)
