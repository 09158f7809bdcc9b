"""Grayscale conversion of a random share of the images."""

import keras
from keras import ops

from ssl_voc.layers.random_color_jitter import LUMA
from ssl_voc.layers.random_layer import RandomLayer, check_rate


@keras.saving.register_keras_serializable(package="ssl_voc")
class RandomGrayscale(RandomLayer):
    """Replaces the colors of a random share of the images by their luma (Rec. 601).

    Args:
        rate: Probability that an image turns gray, in `[0, 1]`.
        seed: Optional integer or `keras.random.SeedGenerator`.

    Call arguments:
        images: Tensor `(batch, height, width, 3)` in `[0, 255]`.

    Returns:
        Float tensor of the shape of `images`, three equal channels where gray.
    """

    def __init__(self, rate=0.2, seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        check_rate("rate", rate)
        self.rate = rate

    def augment(self, images):
        luma = ops.convert_to_tensor(LUMA, dtype=images.dtype)
        gray = ops.sum(images * luma, axis=-1, keepdims=True)
        return ops.where(self.draw_applied(images, self.rate), gray, images)
