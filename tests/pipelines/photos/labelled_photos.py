"""Photos whose objects matter and whose pixels do not."""

import collections

import numpy as np

from pipelines.photos.content import ArrayItem
from pipelines.photos.photo import Object, Photo

PIXELS = np.zeros((1, 2, 2, 3), "uint8")


def photo(image_id, *names):
    """A photo whose first object is the largest."""
    objects = tuple(
        Object(name, (0, 0, 30 - number, 30)) for number, name in enumerate(names)
    )
    return Photo(image_id, "set", ArrayItem(PIXELS, 0, "set"), objects)


def ids(photos):
    return [photo.image_id for photo in photos]


def counts(photos):
    return collections.Counter(
        photo.objects[0].name if photo.objects else None for photo in photos
    )
