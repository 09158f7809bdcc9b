"""Looks where a layer that tiles and crops moved objects, and compiles it in `fit`.

python augment_arrays.py COMPUTED.npz
"""

import sys

import keras
import numpy as np

from ssl_voc.layers import DetectionAugmenter
from tests.painted_objects import draw_boxes, find_each, listed

HEIGHT, WIDTH, IMAGE_SIZE = 48, 64, 80

bounding_boxes = draw_boxes(5, 2, HEIGHT, WIDTH)


def build_layer():
    return DetectionAugmenter(
        IMAGE_SIZE,
        mosaic_rate=0.6,
        min_visible_share=0.4,
        color_strength=0.0,
        grayscale_rate=0.0,
        seed=3,
    )


class MeanPixel(keras.Model):
    """Predicts from an augmented batch how bright it is."""

    def __init__(self):
        super().__init__()
        self.augmenter = DetectionAugmenter(32, seed=0)
        self.dense = keras.layers.Dense(1)

    def call(self, inputs, training=False):
        augmented = self.augmenter(inputs, training=training)
        is_object = keras.ops.cast(augmented["bounding_boxes"]["classes"], "float32")
        parts = [
            keras.ops.mean(augmented["images"], axis=(1, 2)) / 255.0,
            keras.ops.mean(is_object, axis=1, keepdims=True),
            keras.ops.mean(
                keras.ops.cast(augmented["difficult"], "float32"), 1, keepdims=True
            ),
        ]
        return self.dense(keras.ops.concatenate(parts, axis=1))


found = find_each(build_layer, bounding_boxes, HEIGHT, WIDTH, training=True)
images = np.zeros((5, HEIGHT, WIDTH, 3), "uint8")
batch = {"images": images, "bounding_boxes": bounding_boxes}
rows = [
    [index, number, *box, *found[index].get(number, [np.nan] * 4)]
    for index, objects in enumerate(listed(build_layer()(batch, training=True)))
    for number, box in objects.items()
]
batch["difficult"] = bounding_boxes["classes"] == 1
model = MeanPixel()
model.compile("sgd", "mse")
history = model.fit(batch, np.zeros((5, 1)), batch_size=5, epochs=3, verbose=0)
np.savez(
    sys.argv[1],
    listed=np.array(rows),
    num_found=sum(map(len, found)),
    losses=history.history["loss"],
    tensorflow="tensorflow" in sys.modules,
)
