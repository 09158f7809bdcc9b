"""Solarization of a random share of the images."""

import keras
from keras import ops

from ssl_voc.layers.random_layer import RandomLayer, check_rate


@keras.saving.register_keras_serializable(package="ssl_voc")
class RandomSolarize(RandomLayer):
    """Inverts the bright pixels of a random share of the images.

    Each image draws on its own; a pixel `v >= threshold` becomes `255 - v`.

    Args:
        rate: Probability that an image is solarized, in `[0, 1]`.
        threshold: Brightness from which pixels invert, in `[0, 255]`.
        seed: Optional integer or `keras.random.SeedGenerator`.

    Call arguments:
        images: Tensor `(batch, height, width, 3)` in `[0, 255]`.

    Returns:
        Float tensor of the shape of `images`.

    Reference:
        - [Grill et al., 2020](https://arxiv.org/abs/2006.07733)
    """

    def __init__(self, rate=0.2, threshold=128.0, seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        check_rate("rate", rate)
        if not 0.0 <= threshold <= 255.0:
            raise ValueError(
                "`threshold` is a pixel value and must lie in [0, 255]. "
                f"Received: threshold={threshold}"
            )
        self.rate = rate
        self.threshold = threshold

    def augment(self, images):
        inverted = ops.where(images >= self.threshold, 255.0 - images, images)
        return ops.where(self.draw_applied(images, self.rate), inverted, images)
