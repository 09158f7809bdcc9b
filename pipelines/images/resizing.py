"""Preparation of single photos on the CPU: squashed or letterboxed to a square."""

import functools

import numpy as np

from pipelines.images.decoding import decode
from pipelines.images.letterboxing import letterbox
from pipelines.images.perceptual_hashing import perceptual_hash


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


class Squashing:
    """Prepares unlabeled photos; what is measured is the perceptual hash.

    Args:
        image_size: Side of the square images in pixels.
    """

    name = "square"
    facts_type = np.dtype("uint64")

    def __init__(self, image_size):
        self.image_size = image_size

    def decode(self, photo):
        return decode_for(photo, self.image_size)

    def measure(self, pixels):
        return perceptual_hash(pixels)

    def resize(self, pixels):
        return squash(pixels, self.image_size)


class Letterboxing:
    """Prepares labelled photos; measured are the perceptual hash and the true size.

    A photo is decoded whole, since a server that shares `letterbox` does so, too.

    Args:
        image_size: Side of the square images in pixels.
    """

    name = "letterbox"
    facts_type = np.dtype([("hash", "uint64"), ("height", "int32"), ("width", "int32")])

    def __init__(self, image_size):
        self.image_size = image_size

    def decode(self, photo):
        return decode(photo.load())

    def measure(self, pixels):
        return perceptual_hash(pixels), *pixels.shape[:2]

    def resize(self, pixels):
        return self._compiled(pixels).numpy()

    @functools.cached_property
    def _compiled(self):
        """`letterbox` as one graph for photos of every size: half the time."""
        import tensorflow as tf

        @tf.function(input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)])
        def compiled(image):
            # A photo is too little work to be worth the way to an accelerator.
            with tf.device("CPU:0"):
                return letterbox(image, self.image_size)

        return compiled
