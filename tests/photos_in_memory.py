"""Labelled photos of arrays, without files."""

from pipelines.photos.content import ArrayItem
from pipelines.photos.photo import Photo


def build_photo(name, pixels, *objects):
    """A `Photo` of uint8 pixels `(height, width, 3)` with the given `Object`s."""
    height, width = pixels.shape[:2]
    content = ArrayItem(pixels[None], 0, "set")
    return Photo(name, "set", content, objects, width=width, height=height)
