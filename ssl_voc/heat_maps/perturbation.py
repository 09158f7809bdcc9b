"""Deletion and insertion of pixels in the order of a heat map."""

import numpy as np
from PIL import Image, ImageFilter

# Of the longer side: standard deviation of the blur that insertion begins with.
BLUR = 0.08


def removal_order(heat, seed=0):
    """Ranks pixels from the highest of a map to the lowest, equal ones at random.

    Args:
        heat: Array `(height, width)`.
        seed: Seed of the order of equal pixels.

    Returns:
        int64 array `(height, width)` of ranks, 0 for the first to go.
    """
    heat = np.asarray(heat)
    random = np.random.default_rng(seed).random(heat.size)
    order = np.lexsort((random, -heat.ravel()))
    return np.argsort(order).reshape(heat.shape)


def perturbed(photo, ranks, num_steps):
    """A photo whose first pixels are deleted, and a blurred one where they come back.

    Args:
        photo: uint8 array `(height, width, 3)`, without padding.
        ranks: Of `removal_order`, `(height, width)`.
        num_steps: Number of equal steps from none to all pixels.

    Returns:
        `(deleted, inserted)`: two uint8 arrays `(num_steps + 1, height, width, 3)`.
        Deleted pixels take the photo's mean color; insertion begins with the photo
        blurred beyond recognition.
    """
    counts = np.round(np.linspace(0, ranks.size, num_steps + 1))
    gone = (ranks[None] < counts[:, None, None])[..., None]
    mean = np.round(photo.mean(axis=(0, 1))).astype("uint8")
    radius = BLUR * max(photo.shape[:2])
    blurred = Image.fromarray(photo).filter(ImageFilter.GaussianBlur(radius))
    return np.where(gone, mean, photo), np.where(gone, photo, np.asarray(blurred))
