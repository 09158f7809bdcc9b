"""Photos and a backbone that the tests of finetune share."""

import pytest

from tests.finetune.settings import prepare_place


@pytest.fixture(scope="package")
def place(tmp_path_factory):
    """A folder with a VOC tree and a tiny backbone."""
    return prepare_place(tmp_path_factory.mktemp("finetune"))


@pytest.fixture(scope="package")
def tree(place):
    """A VOC tree with 60 photos in train and 12 in val."""
    return place / "voc"
