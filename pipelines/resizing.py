"""Resizing on the CPU, antialiased."""

import numpy as np

from pipelines.decoding import decode


def squash(pixels: np.ndarray, image_size: int) -> np.ndarray:
    """Resizes to a square, whatever the aspect, for the unlabeled pool.

    Bilinear with antialiasing: the triangle filter widens with the reduction, as in
    `tf.image.resize(method="bilinear", antialias=True)`.

    Args:
        pixels: uint8 array `(height, width, 3)`.
        image_size: Side of the square in pixels.

    Returns:
        uint8 array `(image_size, image_size, 3)`.
    """
    from PIL import Image

    image = Image.fromarray(pixels)
    resized = image.resize((image_size, image_size), Image.Resampling.BILINEAR)
    return np.asarray(resized)


def decode_for(photo, image_size: int) -> np.ndarray:
    """Decodes a photo that will be resized to `image_size`.

    A JPEG of more than twice the size is decoded at a reduced scale; at that distance
    the resize that follows hides the difference.

    Raises:
        OSError: If the file cannot be read.
        UnreadableImage: If its content is not a complete image.
    """
    return decode(photo.load(), min_size=2 * image_size)
