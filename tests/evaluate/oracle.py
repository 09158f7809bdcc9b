"""A finished fine-tuning whose model sees, and the photos that it sees.

Photos show a bright rectangle on a darker ground, its class is its color, and `Oracle`
reads both from the pixels.
"""

import json

import keras
import numpy as np
from keras import ops

import pipelines
from tests import tiny

SIDE = 48
NAMES = ("red", "green", "blue")
# Width and height: letterboxing halves them, so even corners stay whole pixels.
SIZES = ((96, 64), (64, 96))
NUM_TRAIN, NUM_VAL = 8, 6


@keras.saving.register_keras_serializable(package="tests")
class Oracle(keras.Model):
    """Finds the bright rectangle, and answers a box that lies `shift` pixels beside."""

    def __init__(self, shift=0.0, num_classes=3, **kwargs):
        super().__init__(**kwargs)
        self.shift, self.num_classes = shift, num_classes

    def call(self, images):
        images = ops.cast(images, "float32")
        bright = ops.max(images, axis=-1) > 180.0  # (batch, rows, columns)
        sides = []
        for axis in (1, 2):  # columns first: x before y
            found = ops.cast(ops.any(bright, axis=axis), "float32")
            side = bright.shape[3 - axis]
            positions = ops.arange(1.0, side + 1.0)
            end = ops.max(found * positions, axis=1)
            start = side - ops.max(found * positions[::-1], axis=1)
            sides.append((start, end))
        (x1, x2), (y1, y2) = sides
        boxes = ops.stack([x1, y1, x2, y2], axis=-1)[:, None] + self.shift
        weights = ops.cast(bright, "float32")[..., None]
        scores = ops.softmax(ops.sum(images * weights, axis=(1, 2)) / 255.0)
        return {"boxes": boxes, "scores": scores[:, : self.num_classes]}

    def at_image_size(self, image_size):
        return Oracle(self.shift, self.num_classes)  # it reads pixels of any size

    def get_config(self):
        return {"shift": self.shift, "num_classes": self.num_classes}


def box_of(number):
    """Corners in the photo: even, and different in every photo."""
    x, y = 4 + 2 * (number % 5), 6 + 2 * (number % 7)
    return x, y, x + 30 + 2 * (number % 4), y + 24 + 4 * (number % 3)


def draw_photo(number):
    """A dark textured ground with a rectangle in one of three colors."""
    width, height = SIZES[number % 2]
    ground = tiny.draw_photos(1, size=96, seed=number)[0] // 2
    pixels = ground[:height, :width].copy()
    x1, y1, x2, y2 = box_of(number)
    pixels[y1:y2, x1:x2] //= 4
    pixels[y1:y2, x1:x2, number % 3] = 255
    return pixels


def draw_objects():
    """All photos as (pixels, class, box)."""
    numbers = range(NUM_TRAIN + NUM_VAL)
    return [(draw_photo(n), NAMES[n % 3], box_of(n)) for n in numbers]


def write_tree(tree, lists=True, drawn=None, num_train=NUM_TRAIN):
    """A VOC tree of train and val photos, each with its one object."""
    drawn = draw_objects() if drawn is None else drawn
    photos = [(pixels, [(name, box, False)]) for pixels, name, box in drawn]
    return tiny.write_voc_tree(tree, photos, num_train if lists else None, "p{:02}")


def write_records(folder, data, **changes):
    """The folder of a finished run as far as its records go; its model is text.

    `changes` are those of the manifest.
    """
    folder.mkdir(parents=True)
    manifest = {
        "program": "ssl_voc",
        "command": "finetune",
        "task": "localize",
        "class_names": NAMES,
        "image_size": SIDE,
        **changes,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "config.yaml").write_text(f"data:\n- {data}\nweights: runs/start\n")
    for name in ("summary.json", "model.keras"):
        (folder / name).write_text("{}")
    return folder


def write_run(folder, data, model=None, names=NAMES, seen=None, **manifest):
    """The folder of a finished run that learned from the train list."""
    write_records(folder, data, class_names=names, **manifest)
    model = Oracle() if model is None else model
    if not model.built:
        model(np.zeros((1, SIDE, SIDE, 3), "float32"))
    model.save(folder / "model.keras")
    record(
        folder / "training_photos.tsv",
        pipelines.read(str(data)) if seen is None else seen,
    )
    return folder


def record(path, photos):
    pool = pipelines.prepare(photos, SIDE, cache="none")
    path.write_text(pipelines.photo_table(pool.photos, pool.hashes))
