"""Shares of boxes that an image size makes large enough to be seen."""

import collections

import numpy as np

# What half of a class's boxes should have; smaller ones are hard to find.
SIDE = 16
IMAGE_SIZES = (96, 128, 160, 224, 320, 416, 640)


def share_by_size(photos, image_sizes=IMAGE_SIZES):
    """Share of the boxes whose shorter side is `SIDE` pixels or more, letterboxed.

    Args:
        photos: Iterable of `pipelines.Photo`; those of unknown size count nothing.
        image_sizes: Image sizes in pixels.

    Returns:
        Dictionary from class name to a dictionary from image size to the share.
    """
    sides = collections.defaultdict(list)  # in shares of the photo's longer side
    for photo in photos:
        for item in photo.objects if photo.width and photo.height else ():
            side = item.shorter_side / max(photo.width, photo.height)
            sides[item.name].append(side)
    return {
        name: {
            size: float(np.mean(np.array(values) * size >= SIDE))
            for size in image_sizes
        }
        for name, values in sorted(sides.items())
    }
