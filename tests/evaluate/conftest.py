"""Contact sheets that are recorded instead of drawn."""

import pytest

from ssl_voc.evaluate import gallery


@pytest.fixture
def sheets(monkeypatch):
    """Title and tiles of each gallery, by name, while the test lasts."""
    recorded = {}

    def record(path, sections, num_columns, title, legend):
        recorded[path.stem.removeprefix("gallery_")] = title, sections[0][1]

    monkeypatch.setattr(gallery, "draw_contact_sheet", record)
    return recorded
