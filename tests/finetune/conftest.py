"""Photos and a backbone that the tests of finetune share."""

import pytest

from tests import tiny


@pytest.fixture(scope="package")
def place(tmp_path_factory, curves_of_the_last_epoch):
    """A folder with a VOC tree and a tiny backbone."""
    folder = tmp_path_factory.mktemp("finetune")
    tiny.save_backbone(folder / "tiny.keras")
    tiny.write_voc(folder / "voc", num_train=60, num_val=12)
    return folder


@pytest.fixture(scope="package")
def tree(place):
    """A VOC tree with 60 photos in train and 12 in val."""
    return place / "voc"
