"""Photos, backbone and settings of tiny pretraining runs."""

import dataclasses
import pathlib

import keras
import pytest
from PIL import Image

from ssl_voc.pretrain import PretrainConfig
from tests import tiny

NUM_PHOTOS = 44  # five steps of eight, four photos over


@dataclasses.dataclass(frozen=True)
class Place:
    """Folder of photos in subfolders by class, and a tiny backbone."""

    photos: pathlib.Path
    backbone: pathlib.Path

    def config(self, out, **changes):
        """Settings of two epochs."""
        settings = {
            "data": (str(self.photos),),
            "backbone": str(self.backbone),
            "out": out,
            "image_size": 32,
            "batch_size": 8,
            "epochs": 2,
            "learning_rate": 0.5,
        }
        return PretrainConfig(**settings | changes)

    def flags(self, out, **changes):
        """The same settings as flags."""
        config = self.config(out)
        names = ("backbone", "out", "image_size", "batch_size", "epochs")
        settings = {name: getattr(config, name) for name in names}
        settings |= {"data": self.photos, "learning_rate": config.learning_rate}
        flags = []
        for name, value in (settings | changes).items():
            flag = f"--{name.replace('_', '-')}"
            flags += [flag] if value is True else [flag, str(value)]
        return flags


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory):
    """File of a tiny backbone."""
    return tiny.save_backbone(tmp_path_factory.mktemp("backbone") / "tiny.keras")


@pytest.fixture(scope="session")
def place(tmp_path_factory, tiny_backbone, curves_of_the_last_epoch):
    """Photos of two classes, told apart by brightness."""
    folder = tmp_path_factory.mktemp("pretrain") / "photos"
    for index, pixels in enumerate(tiny.draw_photos(NUM_PHOTOS)):
        path = folder / ("light" if index % 2 else "dark") / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels // 2 + 127 * (index % 2)).save(path)
    return Place(folder, tiny_backbone)


@pytest.fixture(autouse=True)
def keep_precision():
    """Undoes the precision that a run sets for its whole process."""
    before = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(before)
