"""Small photos and trees that the tests of the pipelines read."""

import errno
import io
import os
import pathlib

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keeps the tests away from the user's cache folder."""
    monkeypatch.setenv("SSL_VOC_CACHE", str(tmp_path / "cache_of_test"))


@pytest.fixture(scope="session")
def draw():
    """Returns `draw(seed, width, height)`: smooth uint8 pixels, JPEG keeps them."""

    def draw(seed=0, width=40, height=30):
        coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), "uint8")
        image = Image.fromarray(coarse).resize((width, height), Image.BICUBIC)
        return np.asarray(image)

    return draw


@pytest.fixture(scope="session")
def encode():
    """Returns `encode(pixels, format, **options)`: the bytes of an image file."""

    def encode(pixels, format="PNG", **options):
        image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        buffer = io.BytesIO()
        image.save(buffer, format, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture(scope="session")
def write_photo(draw, encode):
    """Returns `write_photo(path, seed)`, which writes a photo of 40 x 30 pixels."""

    def write_photo(path, seed=0):
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(draw(seed), "JPEG" if path.suffix == ".jpg" else "PNG"))
        return path

    return write_photo


VOC_OBJECT = """<object><name>{name}</name><difficult>{difficult}</difficult>
<truncated>{truncated}</truncated><bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin>
<xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>"""


@pytest.fixture(scope="session")
def voc_xml():
    """Returns `voc_xml(*objects)`: an annotation for a photo of 40 x 30 pixels.

    An object is `(name, (xmin, ymin, xmax, ymax))` and optionally a dict of flags.
    """

    def voc_xml(*objects):
        text = ""
        for name, box, *flags in objects:
            values = {"difficult": 0, "truncated": 0, **(flags[0] if flags else {})}
            text += VOC_OBJECT.format(name=name, box=box, **values)
        size = "<size><width>40</width><height>30</height><depth>3</depth></size>"
        return f"<annotation>{size}{text}</annotation>"

    return voc_xml


@pytest.fixture(scope="session")
def write_voc(write_photo):
    """Returns `write_voc(tree, annotations, lists)`.

    `annotations` maps stems to the text of an annotation, or None for a photo without;
    `lists` maps names of lists to lines.
    """

    def write_voc(tree, annotations, lists=None):
        (tree / "Annotations").mkdir(parents=True)
        for seed, (stem, text) in enumerate(annotations.items()):
            write_photo(tree / "JPEGImages" / f"{stem}.jpg", seed)
            if text is not None:
                (tree / "Annotations" / f"{stem}.xml").write_text(text)
        for name, lines in (lists or {}).items():
            path = tree / "ImageSets" / "Main" / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines) + "\n")
        return tree

    return write_voc


@pytest.fixture
def lock(monkeypatch):
    """Returns `lock(folder)`: from then on nobody may look into the folder.

    Modes do not keep root out, whom tests may run as: the system calls refuse instead.
    """

    def lock(folder):
        for name in ("scandir", "listdir", "stat"):
            monkeypatch.setattr(os, name, refusing(getattr(os, name), name, folder))

    def refusing(call, name, folder):
        def refuse(path=".", *arguments, **options):
            inside = str(path).startswith(f"{folder}/")
            if inside or (name != "stat" and str(path) == str(folder)):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return call(path, *arguments, **options)

        return refuse

    return lock
