"""Random brightness, contrast, saturation and hue as one affine map of colors."""

import math

import keras
import numpy as np
from keras import ops

from ssl_voc.layers.random_layer import RandomLayer, check_rate

LUMA = (0.299, 0.587, 0.114)  # Rec. 601, as in JPEG and torchvision
RGB_TO_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]],
    dtype="float32",
)
YIQ_TO_RGB = np.linalg.inv(RGB_TO_YIQ)


@keras.saving.register_keras_serializable(package="ssl_voc")
class RandomColorJitter(RandomLayer):
    """Jitters the colors of a random share of the images, each in its own strength.

    In this order: brightness multiplies the pixels; saturation blends them with their
    own luma; hue turns the chroma plane of YIQ; contrast blends them with the image's
    mean luma. Each is linear in color, so the four are one 3 x 3 matrix and an offset
    per image, and pixels are clipped once, at the end. torchvision's `ColorJitter`
    shuffles the order, clips in between and turns hue in HSV: the same family of
    distortions, at several times the cost.

    Args:
        brightness: Largest relative change: the factor is uniform in
            `[max(0, 1 - brightness), 1 + brightness]`.
        contrast: The same for contrast.
        saturation: The same for saturation.
        hue: Largest turn of the hue, as a share of the full circle, in `[0, 0.5]`.
        rate: Probability that an image is changed, in `[0, 1]`.
        seed: Optional integer or `keras.random.SeedGenerator`.

    Call arguments:
        images: Tensor `(batch, height, width, 3)` in `[0, 255]`.

    Returns:
        Float tensor of the shape of `images`, in `[0, 255]`.

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2002.05709), appendix A
    """

    def __init__(
        self,
        brightness=0.8,
        contrast=0.8,
        saturation=0.8,
        hue=0.2,
        rate=0.8,
        seed=None,
        **kwargs,
    ):
        super().__init__(seed=seed, **kwargs)
        for name, value in (
            ("brightness", brightness),
            ("contrast", contrast),
            ("saturation", saturation),
        ):
            if value < 0:
                raise ValueError(f"`{name}` must not be negative. Received: {value}")
        if not 0 <= hue <= 0.5:
            raise ValueError(
                "`hue` is a share of the color circle and must lie in [0, 0.5]. "
                f"Received: hue={hue}"
            )
        check_rate("rate", rate)
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
        self.rate = rate

    def draw_factors(self, batch_size):
        """Draws each image's jitter.

        Returns:
            Dictionary of float32 tensors `(batch_size,)`: the factors `"brightness"`,
            `"contrast"`, `"saturation"` (1 changes nothing) and `"hue"`, a turn in
            radians (0 changes nothing).
        """
        changed = ops.cast(self.draw_uniform((batch_size,)) < self.rate, "float32")

        def factor(strength):
            drawn = self.draw_uniform(
                (batch_size,), max(0.0, 1.0 - strength), 1.0 + strength
            )
            return 1.0 + changed * (drawn - 1.0)

        turn = self.draw_uniform((batch_size,), -self.hue, self.hue)
        return {
            "brightness": factor(self.brightness),
            "contrast": factor(self.contrast),
            "saturation": factor(self.saturation),
            "hue": changed * turn * 2.0 * math.pi,
        }

    def augment(self, images):
        factors = self.draw_factors(ops.shape(images)[0])
        matrices = _color_matrices(factors)
        means = ops.mean(ops.cast(images, "float32"), axis=(1, 2))
        # The mean of a linear map is the map of the mean.
        means = ops.einsum("bc,bcd->bd", means, matrices)
        mean_luma = ops.sum(means * ops.convert_to_tensor(LUMA), axis=-1)
        contrast = factors["contrast"]
        matrices = matrices * contrast[:, None, None]
        offsets = ((1.0 - contrast) * mean_luma)[:, None, None, None]
        height, width = images.shape[1:3]
        pixels = ops.reshape(images, (-1, height * width, 3))
        pixels = ops.matmul(pixels, ops.cast(matrices, images.dtype))
        pixels = ops.reshape(pixels, (-1, height, width, 3))
        return ops.clip(pixels + ops.cast(offsets, images.dtype), 0.0, 255.0)


def _color_matrices(factors):
    """Matrices `(batch, 3, 3)` for row vectors: brightness, saturation, hue."""
    saturation, hue = factors["saturation"], factors["hue"]
    # In YIQ, saturation scales the (I, Q) plane and hue turns it; Y, the luma, stays.
    cosine, sine = saturation * ops.cos(hue), saturation * ops.sin(hue)
    zero, one = ops.zeros_like(hue), ops.ones_like(hue)
    turns = ops.stack(
        [one, zero, zero, zero, cosine, -sine, zero, sine, cosine], axis=-1
    )
    turns = ops.reshape(turns, (-1, 3, 3))
    columns = ops.matmul(ops.matmul(YIQ_TO_RGB, turns), RGB_TO_YIQ)
    rows = ops.transpose(columns, (0, 2, 1))
    return rows * factors["brightness"][:, None, None]
