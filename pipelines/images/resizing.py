"""Preparation of single photos on the CPU: squashed or letterboxed to a square."""

import dataclasses
import functools

import numpy as np

from pipelines.images.decoding import decode
from pipelines.images.letterboxing import letterbox
from pipelines.images.perceptual_hashing import perceptual_hash


@dataclasses.dataclass(frozen=True)
class Squashing:
    """Preparation of unlabeled photos; what is measured is the perceptual hash.

    Squares take the whole photo, whatever its aspect: bilinear with antialiasing, where
    the triangle filter widens with the reduction, as in
    `tf.image.resize(method="bilinear", antialias=True)`. A JPEG of more than twice the
    size is decoded at a reduced scale; at that distance the resize that follows hides
    the difference.

    Args:
        image_size: Side of the square images in pixels.
    """

    image_size: int
    name = "square"
    facts_type = np.dtype("uint64")

    def decode(self, photo, tell=None):
        return decode(photo.load(), min_size=2 * self.image_size, tell=tell)

    def measure(self, pixels):
        return perceptual_hash(pixels)

    def resize(self, pixels):
        from PIL import Image

        size = self.image_size, self.image_size
        image = Image.fromarray(pixels)
        return np.asarray(image.resize(size, Image.Resampling.BILINEAR))


@dataclasses.dataclass(frozen=True)
class Letterboxing:
    """Preparation of labelled photos; measured are the perceptual hash and true size.

    A photo is decoded whole, since a server that shares `letterbox` does so, too.

    Args:
        image_size: Side of the square images in pixels.
    """

    image_size: int
    name = "letterbox"
    facts_type = np.dtype([("hash", "uint64"), ("height", "int32"), ("width", "int32")])

    def decode(self, photo, tell=None):
        return decode(photo.load(), tell=tell)

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
