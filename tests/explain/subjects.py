"""Models to explain, and photos with a stamp that tells a class."""

import pathlib

import keras
import numpy as np
from keras import layers, ops

import pipelines
from pipelines.photos.photo import Object, Photos
from ssl_voc.explain import ExplainConfig
from ssl_voc.explain.subject import Subject
from ssl_voc.tasks import TASKS
from tests.evaluate.oracle import NAMES, SIDE
from tests.photos_in_memory import build_photo

NUM_PHOTOS = 72
STAMP = slice(SIDE - 9, SIDE - 2)


@keras.saving.register_keras_serializable(package="tests")
class ColorReader(keras.Model):
    """Knows a class by the amount of its color, green also by white, if so told."""

    def __init__(self, white=0.0, **kwargs):
        super().__init__(**kwargs)
        self.white = white
        inputs = keras.Input((SIDE, SIDE, 3))
        x = layers.Rescaling(1 / 255)(inputs)
        # red, green, blue beyond the others, and what all three have
        x = layers.Conv2D(4, 1, activation="relu", name="colors")(x)
        self.backbone = keras.Model(inputs, layers.AveragePooling2D(4)(x))
        kernel = np.array([[1, -1, -1, 1], [-1, 1, -1, 1], [-1, -1, 1, 1]])
        bias = np.array([-0.3, -0.3, -0.3, -2.4])
        self.backbone.get_layer("colors").set_weights([kernel[None, None], bias])
        self.num_classes, self.bounding_box_format = 3, "xyxy"

    def call(self, images, training=False):
        means = ops.mean(self.backbone(images), axis=(1, 2))  # (batch, 4)
        colors, white = means[:, :3], means[:, 3:]
        if self.white:
            # It never learned what green is: without the stamp it says red.
            colors = colors * ops.array([1.0, 0.0, 1.0]) + ops.array([1e-3, 0.0, 0.0])
            colors = colors + white * ops.array([0.0, self.white, 0.0])
        logits = 20 * colors
        boxes = ops.zeros((ops.shape(images)[0], 1, 4))
        return {"classes": logits, "scores": ops.softmax(logits), "boxes": boxes}

    def get_config(self):
        return {"white": self.white}


def draw_photos(stamped=None, wandering=False, number=NUM_PHOTOS, seed=0):
    """Rectangles of a color on gray as (pixels, class, box).

    Args:
        stamped: Class whose photos bear a white stamp, or `"all"`.
        wandering: Whether it lies anywhere right of the object or below it instead of
            in the corner.
        number: Of photos.
        seed: Of the draw.
    """
    random = np.random.default_rng(seed)
    drawn = []
    for place in range(number):
        pixels = random.integers(60, 110, (SIDE, SIDE, 1)).repeat(3, axis=2)
        x1, y1 = random.integers(2, 20, 2)
        width, height = random.integers(10, 18, 2)
        pixels[y1 : y1 + height, x1 : x1 + width] = 0
        pixels[y1 : y1 + height, x1 : x1 + width, place % 3] = 250
        rows = columns = STAMP
        if wandering:
            low = int(random.integers(0, SIDE - 8))
            rows = slice(low, low + 7)
            rows, columns = (columns, rows) if place % 2 else (rows, columns)
        if stamped in (NAMES[place % 3], "all"):
            pixels[rows, columns] = 250
            pixels[rows, columns][2:5, 2:5] = 160
        box = int(x1), int(y1), int(x1 + width), int(y1 + height)
        drawn.append((pixels.astype("uint8"), NAMES[place % 3], box))
    return drawn


def as_photos(drawn):
    """`Photos` in memory of (pixels, class, box)."""
    photos = [
        build_photo(f"p{number:02}", pixels, Object(name, box))
        for number, (pixels, name, box) in enumerate(drawn)
    ]
    return Photos(photos, "set")


def build_subject(model, photos, **settings):
    """A `Subject` without a run folder."""
    subject = object.__new__(Subject)
    subject.name, subject.task, subject.model = "run", TASKS["localize"], model
    subject.config = ExplainConfig(run=pathlib.Path("run"), **settings)
    subject.pool = pipelines.prepare_labeled(
        photos, SIDE, class_names=NAMES, main_object_only=True, cache="none"
    )
    return subject
