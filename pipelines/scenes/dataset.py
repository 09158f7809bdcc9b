"""Embedded data set: drawn scenes as a VOC devkit tree.

`JPEGImages/`, `Annotations/` and `ImageSets/Main/{train,val}.txt`, as in VOC2007. What
a scene shows, and what its boxes mean, is said in `pipelines.scenes.drawing`.
"""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.cache.cache_folder import cache_folder, new_folder, sole_writer
from pipelines.scenes import drawing, painting, polygons, shapes, textures

NUM_TRAIN = 2000
NUM_VAL = 500
IMAGE_SIZE = (160, 128)
JPEG_QUALITY = 90
DRAWING_MODULES = (drawing, painting, polygons, shapes, textures)


def draw_scenes(
    folder,
    num_train=NUM_TRAIN,
    num_val=NUM_VAL,
    image_size=IMAGE_SIZE,
    seed=0,
    progress=None,
):
    """Draws scenes and writes them as a VOC devkit tree.

    The tree appears complete or not at all. One seed gives the same bytes with every
    call (under the same versions of NumPy and Pillow); a scene does not depend on how
    many others are drawn. The classes of the main objects are balanced.

    Args:
        folder: Folder to create. It may exist if it is empty.
        num_train: Number of scenes in the `train` list, at least 1.
        num_val: Number of scenes in the `val` list, at least 1.
        image_size: `(width, height)` in pixels, or an integer for both, at least 32.
        seed: Non-negative integer.
        progress: Optional function, called as `progress(done, total)`.

    Returns:
        `folder` as a `Path`.

    Raises:
        FileExistsError: `folder` exists and is not empty.
        ValueError: A number is out of range.
    """
    folder = Path(folder)
    width, height = _checked_size(image_size)
    for name, count in (("num_train", num_train), ("num_val", num_val)):
        if count < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {count}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"{folder} exists already. Scenes are written into a new or empty folder: "
            "name another one, or remove it first."
        )
    with new_folder(folder) as part:
        for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
            (part / name).mkdir(parents=True)
        done, total = 0, num_train + num_val
        for split_index, (split, count) in enumerate(
            (("train", num_train), ("val", num_val))
        ):
            image_ids = [f"{split}_{index:06d}" for index in range(count)]
            for index, image_id in enumerate(image_ids):
                scene = drawing.draw_scene(
                    _main_class(seed, split_index, index),
                    (width, height),
                    np.random.default_rng([seed, split_index, index]),
                )
                _write_scene(part, image_id, scene)
                done += 1
                if progress is not None:
                    progress(done, total)
            listing = "".join(f"{image_id}\n" for image_id in image_ids)
            (part / "ImageSets/Main" / f"{split}.txt").write_text(listing)
    return folder


def scenes_folder(cache_dir=None, progress=None):
    """The drawn data set at its default size, written on first use.

    Args:
        cache_dir: Folder that keeps it; `None` for the package's cache folder.
        progress: Optional function, called as `progress(done, total)` while drawing.

    Returns:
        `Path` of a VOC devkit tree. Its name holds a digest of the code that draws, so
        that a changed drawing is drawn anew.
    """
    digest = hashlib.sha256()
    sources = [module.__file__ for module in DRAWING_MODULES]
    for source in [*sources, __file__]:
        digest.update(Path(source).read_bytes())
    parent = Path(cache_dir) if cache_dir is not None else cache_folder()
    folder = parent / f"scenes-{digest.hexdigest()[:12]}"
    if not folder.is_dir():
        with sole_writer(folder):
            if not folder.is_dir():  # another process may have just drawn it
                draw_scenes(folder, progress=progress)
    return folder


def _checked_size(image_size):
    if isinstance(image_size, int):
        image_size = (image_size, image_size)
    width, height = image_size
    if min(width, height) < 32:
        raise ValueError(
            "`image_size` must be (width, height) of at least 32 pixels each. "
            f"Received: {image_size}"
        )
    return int(width), int(height)


def _main_class(seed, split_index, index):
    """Every run of `len(CLASSES)` scenes shows each class once, in random order."""
    names = sorted(drawing.CLASSES)
    block, place = divmod(index, len(names))
    # The fourth number keeps this stream apart from those of the scenes.
    order = np.random.default_rng([seed, split_index, block, 1]).permutation(len(names))
    return names[order[place]]


def _write_scene(folder, image_id, scene):
    image = Image.fromarray(scene.pixels)
    image.save(folder / "JPEGImages" / f"{image_id}.jpg", quality=JPEG_QUALITY)
    annotation = _annotation(f"{image_id}.jpg", scene)
    (folder / "Annotations" / f"{image_id}.xml").write_text(annotation)


def _annotation(file_name, scene):
    height, width, depth = scene.pixels.shape
    lines = [
        "<annotation>",
        "\t<folder>scenes</folder>",
        f"\t<filename>{file_name}</filename>",
        "\t<source><database>ssl_voc drawn scenes</database></source>",
        "\t<size>",
        f"\t\t<width>{width}</width>",
        f"\t\t<height>{height}</height>",
        f"\t\t<depth>{depth}</depth>",
        "\t</size>",
        "\t<segmented>0</segmented>",
    ]
    for drawn in scene.objects:
        xmin, ymin, xmax, ymax = drawn.box
        lines += [
            "\t<object>",
            f"\t\t<name>{drawn.name}</name>",
            "\t\t<pose>Unspecified</pose>",
            f"\t\t<truncated>{int(drawn.truncated)}</truncated>",
            f"\t\t<difficult>{int(drawn.difficult)}</difficult>",
            "\t\t<bndbox>",
            f"\t\t\t<xmin>{xmin}</xmin>",
            f"\t\t\t<ymin>{ymin}</ymin>",
            f"\t\t\t<xmax>{xmax}</xmax>",
            f"\t\t\t<ymax>{ymax}</ymax>",
            "\t\t</bndbox>",
            "\t</object>",
        ]
    return "\n".join([*lines, "</annotation>", ""])
