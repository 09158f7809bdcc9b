"""Photos that the tests of `study` share."""

import pytest

from tests import tiny


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A tree of 60 and 20 photos with lists, and one of 50 without."""
    place = tmp_path_factory.mktemp("photos")
    tiny.write_voc(place / "voc", 60, 20)
    tiny.write_voc(place / "bare", 50, seed=1)
    return place
