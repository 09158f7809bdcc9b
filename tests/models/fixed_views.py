"""Views without chance, in the place of an augmenter's."""

import keras
from keras import ops


class Mirror(keras.layers.Layer):
    """Views without chance: every image and its mirror image."""

    def call(self, images):
        images = ops.cast(images, "float32")
        return {"views": [images, ops.flip(images, axis=2)]}
