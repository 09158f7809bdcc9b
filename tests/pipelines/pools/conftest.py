"""Trees of labelled photos that several tests of the pools read."""

import pytest


@pytest.fixture
def tree(tmp_path, write_voc, voc_xml):
    """Photos of 40 x 30 pixels with 2, 1, 0 and 3 objects."""
    difficult, truncated = {"difficult": 1}, {"truncated": 1}
    return write_voc(
        tmp_path / "tree",
        {
            "a": voc_xml(("dog", (1, 1, 20, 10), truncated), ("cat", (11, 6, 40, 30))),
            "b": voc_xml(("cat", (1, 1, 4, 6))),
            "c": voc_xml(),
            "d": voc_xml(
                ("cat", (1, 1, 40, 30), difficult),
                ("dog", (5, 5, 12, 12)),
                ("emu", (1, 1, 2, 2)),
            ),
        },
    )
