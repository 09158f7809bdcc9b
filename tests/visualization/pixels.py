"""Pictures, read back."""

import numpy as np
from PIL import Image


def pixels_of(path):
    """Integer array `(height, width, 3)` of a picture file."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def is_like(pixels, color, tolerance=40):
    """Where pixels have about a color, bool `(height, width)`."""
    return np.abs(pixels - color).max(axis=-1) < tolerance
