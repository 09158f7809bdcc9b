"""Trees, runs and recorded pictures for the tests of evaluate."""

import pytest

from ssl_voc.evaluate import gallery
from ssl_voc.evaluate.detection import plots
from ssl_voc.visualization import charts
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
def figures(monkeypatch):
    """The matplotlib figures that are drawn while the test lasts."""
    drawn = []
    for module in (charts, plots):
        monkeypatch.setattr(
            module, "save_figure", lambda figure, path: drawn.append(figure)
        )
    return drawn


@pytest.fixture
def tree(tmp_path):
    """A VOC tree of rectangles."""
    return write_tree(tmp_path / "tree")


@pytest.fixture
def run(tmp_path, tree):
    """A finished run whose model sees them."""
    return write_run(tmp_path / "run", tree)
