"""A finished detector that recites, and the photos whose objects it knows.

A photo's number is the brightness of its upper left corner, and `Reciter` answers with
what it was given for that number.
"""

import keras
import numpy as np
from keras import ops

from tests import tiny
from tests.evaluate.oracle import NAMES, SIDE, SIZES, write_run

# Brightness of the corner for each photo: far enough apart to survive resizing.
STEP = 16
# Classes, boxes of the square, and photos that are trained on.
RED, GREEN, BLUE = range(3)
LEFT, RIGHT, LOW = (8, 12, 32, 44), (36, 12, 60, 40), (12, 46, 56, 60)
TRAIN = [[("red", LEFT, False)], [("green", RIGHT, False)], [("blue", LOW, False)]]


@keras.saving.register_keras_serializable(package="tests")
class Reciter(keras.Model):
    """Answers `answers[number]`, rows of class, confidence and x1, y1, x2, y2.

    Boxes are in pixels of the square; rows beyond the answer are padding.
    """

    def __init__(self, answers, num_classes=3, max_detections=4, **kwargs):
        super().__init__(**kwargs)
        self.answers = {str(number): rows for number, rows in answers.items()}
        self.num_classes, self.max_detections = num_classes, max_detections
        self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")
        table = np.full((256 // STEP, max_detections, 6), -1.0, "float32")
        for number, rows in self.answers.items():
            table[int(number), : len(rows)] = np.array(rows, "float32").reshape(-1, 6)
        self.table = table

    def call(self, images):
        corner = ops.cast(images[:, 0, 0, 0], "float32")
        numbers = ops.cast(ops.round(corner / STEP), "int32")
        rows = ops.take(ops.convert_to_tensor(self.table), numbers, axis=0)
        return {
            "boxes": rows[..., 2:] + self.bias,
            "classes": ops.cast(rows[..., 0], "int32"),
            "confidence": rows[..., 1],
        }

    def get_config(self):
        return {
            "answers": self.answers,
            "num_classes": self.num_classes,
            "max_detections": self.max_detections,
        }


def write_scenes(tree, train, val):
    """A VOC tree of photos with the given objects, rows (class, box, difficult).

    Photos are p00, p01 and so on, those of train first, 96 x 64 and 64 x 96 in turns.
    """
    photos = []
    for number, objects in enumerate([*train, *val]):
        width, height = SIZES[number % 2]
        pixels = tiny.draw_photos(1, size=96, seed=number)[0][:height, :width].copy()
        for name, (x1, y1, x2, y2), _ in objects:
            pixels[y1:y2, x1:x2] //= 3
            pixels[y1:y2, x1:x2, NAMES.index(name)] = 255
        pixels[:8, :8] = STEP * number
        photos.append((pixels, objects))
    return tiny.write_voc_tree(tree, photos, len(train), "p{:02}")


def write_detection_run(folder, data, model):
    """The folder of a finished run of task `detect`, see `write_run`."""
    return write_run(folder, data, model, task="detect")


def detected(label, confidence, box, shift=0.0):
    """A row of an answer: a box of a photo in the square, which is half as wide."""
    assert SIDE == 48
    return (label, confidence, *(corner / 2 + shift for corner in box))
