"""Training of a model that tells how many of the images it was shown are mosaics."""

import keras
import numpy as np
from keras import ops


class MosaicShare(keras.Model):
    """Predicts 1 for each image that its augmenter made a mosaic of, else 0."""

    def __init__(self, augmenter):
        super().__init__()
        self.augmenter = augmenter
        # `fit` wants a weight to train.
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, inputs, training=False):
        augmented = self.augmenter(inputs, training=training)
        classes = augmented["bounding_boxes"]["classes"]
        # A single image leaves all slots but its own empty.
        others = classes[:, classes.shape[1] // 4 :]
        is_mosaic = ops.any(others >= 0.0, axis=1, keepdims=True)
        return self.scale * ops.cast(is_mosaic, "float32")


def mosaic_shares(augmenter, callbacks, epochs, initial_epoch=0):
    """Share of mosaics among 16 images in each epoch of a compiled training."""
    model = MosaicShare(augmenter)
    model.compile(keras.optimizers.SGD(0.0), "mae")
    batch = {
        "images": np.zeros((16, 32, 32, 3), "uint8"),
        "bounding_boxes": {
            "boxes": np.tile([[[8.0, 8.0, 24.0, 24.0]]], (16, 1, 1)),
            "classes": np.zeros((16, 1)),
        },
    }
    history = model.fit(
        batch,
        np.zeros((16, 1)),
        batch_size=16,
        epochs=epochs,
        initial_epoch=initial_epoch,
        callbacks=callbacks,
        verbose=0,
    )
    return history.history["loss"]
