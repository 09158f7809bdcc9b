"""Pull-push inpainting of masked image regions."""

import numpy as np
from scipy import ndimage


def inpaint(images, known):
    """Fills unknown pixels smoothly from the known ones around them (pull-push).

    Args:
        images: uint8 array `(batch, height, width, 3)`.
        known: Bool array `(batch, height, width)`: pixels to keep. Where an image has
            none, it is filled with black.

    Returns:
        uint8 array of the shape of `images`; known pixels are as they were.

    Reference:
        - [Gortler et al., 1996](https://doi.org/10.1145/237170.237200), 3.4
    """
    height, width = images.shape[1:3]
    side = 1 << (max(height, width) - 1).bit_length()
    weights = np.zeros((len(images), side, side, 1), "float32")
    weights[:, :height, :width, 0] = known
    values = np.zeros((len(images), side, side, 3), "float32")
    values[:, :height, :width] = images * known[..., None]
    filled = _fill(values, weights)[:, :height, :width]
    filled = np.clip(np.round(filled), 0, 255).astype("uint8")
    return np.where(known[..., None], images, filled)


def _fill(values, weights):
    """Colors everywhere, of colors times weights and weights in `[0, 1]`."""
    if values.shape[1] > 1:
        total = _halved(weights)
        scale = 1.0 / np.maximum(total, 1.0)
        coarse = _fill(_halved(values) * scale, np.minimum(total, 1.0))
        values = values + (1.0 - weights) * _doubled(coarse)
    return values


def _halved(array):
    batch, height, width, channels = array.shape
    blocks = array.reshape(batch, height // 2, 2, width // 2, 2, channels)
    return blocks.sum(axis=(2, 4))


def _doubled(array):
    """Twice the size, without the steps of blocks."""
    for axis in (1, 2):
        array = ndimage.convolve1d(
            array.repeat(2, axis), [0.25, 0.5, 0.25], axis, mode="nearest"
        )
    return array
