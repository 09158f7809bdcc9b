"""Horizontal flip of a random share of the images."""

import keras
from keras import ops

from ssl_voc.layers.random_layer import RandomLayer, check_rate


@keras.saving.register_keras_serializable(package="ssl_voc")
class RandomHorizontalFlip(RandomLayer):
    """Mirrors a random share of the images, left to right.

    Args:
        rate: Probability that an image is mirrored, in `[0, 1]`.
        seed: Optional integer or `keras.random.SeedGenerator`.

    Call arguments:
        images: Tensor `(batch, height, width, channels)`.

    Returns:
        Float tensor of the shape of `images`.
    """

    def __init__(self, rate=0.5, seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        check_rate("rate", rate)
        self.rate = rate

    def draw_flips(self, images):
        """Bool tensor `(batch, 1, 1, 1)`: which images to mirror."""
        return self.draw_applied(images, self.rate)

    def augment(self, images):
        return ops.where(self.draw_flips(images), ops.flip(images, axis=2), images)
