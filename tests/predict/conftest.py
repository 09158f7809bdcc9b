"""Photos whose objects are known."""

import pytest
from PIL import Image

from tests.evaluate import oracle


@pytest.fixture
def photos(tmp_path):
    """Folder of four photos whose object `oracle` finds."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        Image.fromarray(oracle.draw_photo(number)).save(folder / f"p{number}.png")
    return folder
