"""Photos scaled to the cells of contact sheets."""

import numpy as np
from PIL import Image

from pipelines import UnreadableImage, decode


def fit_photo(photo, side):
    """Loads a photo for a picture.

    Args:
        photo: `pipelines.Photo` of known size.
        side: Of the longer side in pixels.

    Returns:
        uint8 array `(height, width, 3)`, upright, gray where the file has gone, and
        the factors `(4,)` that take its x, y, x, y there.
    """
    try:
        pixels = decode(photo.load())
    except (OSError, UnreadableImage):
        # Read a while ago; a file that has gone since is no reason to lose a run.
        pixels = np.full((photo.height, photo.width, 3), 200, "uint8")
    height, width = pixels.shape[:2]
    factor = side / max(height, width)
    sides = max(1, round(width * factor)), max(1, round(height * factor))
    resized = Image.fromarray(pixels).resize(sides, Image.Resampling.LANCZOS)
    scale = np.array([sides[0] / width, sides[1] / height] * 2)
    return np.asarray(resized), scale
