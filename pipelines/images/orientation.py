"""EXIF orientation: how a photo, and the boxes on it, are turned upright."""

import numpy as np

from pipelines.images.opening import open_image
from pipelines.photos.content import UnreadableImage, opened

EXIF_ORIENTATION = 0x0112
# Orientations whose upright photo has width and height of the stored one swapped.
QUARTER_TURNS = (5, 6, 7, 8)
# What a PNG that states an orientation has in it.
_PNG_MARKS = (b"eXIf", b"Raw profile type exif", b"XML:com.adobe.xmp")


def orientation_of(image) -> int:
    """The EXIF orientation of an opened image; 1, upright, where there is none.

    The pixels are fine: a broken side note is no reason to lose the photo.
    """
    try:
        orientation = image.getexif().get(EXIF_ORIENTATION)
    except Exception:
        return 1
    return orientation if orientation in range(1, 9) else 1


def read_orientation(source) -> int:
    """The EXIF orientation of a photo, 1 to 8; 1, upright, if there is none.

    Args:
        source: See `upright_size`; or pixels, which have no EXIF and are upright.
    """
    if isinstance(source, np.ndarray):
        return 1
    try:
        with open_image(source) as image:
            return orientation_of(image)
    except UnreadableImage:
        return 1


def upright_size(source) -> tuple[int, int]:
    """Width and height of a photo as a viewer shows it, without decoding it.

    Args:
        source: Bytes of the encoded file, or the file, opened for reading bytes.

    Raises:
        UnreadableImage: See `open_image`.
    """
    with open_image(source) as image:
        # Pillow tells the upright size of a TIFF, and decodes a PNG to look for EXIF
        # behind its pixels.
        has_upright_size = image.format == "TIFF" or (
            image.format == "PNG" and not _may_state_orientation(source)
        )
        turned = not has_upright_size and orientation_of(image) in QUARTER_TURNS
        return image.size[::-1] if turned else image.size


def upright_size_of(content) -> tuple[int, int]:
    """Width and height of the `Content` of a photo, see `upright_size`.

    Of a file, as a rule, the head alone is read.

    Raises:
        OSError: If it cannot be read.
        UnreadableImage: See `open_image`.
    """
    with opened(content) as source:
        is_array = isinstance(source, np.ndarray)
        return source.shape[1::-1] if is_array else upright_size(source)


def _may_state_orientation(source):
    """Whether a PNG has EXIF or XMP anywhere."""
    if not isinstance(source, bytes):
        source.seek(0)
        source = source.read()
    return any(mark in source for mark in _PNG_MARKS)


def quarter_turned_box(box, orientation: int, width, height):
    """A box on the upright photo, from the same box on the stored one.

    Args:
        box: `(x_min, y_min, x_max, y_max)` in pixels of the stored photo.
        orientation: EXIF orientation, one of `QUARTER_TURNS`.
        width: Width of the upright photo in pixels.
        height: Height of the upright photo in pixels.
    """
    x_min, y_min, x_max, y_max = box
    x_min, x_max, y_min, y_max = y_min, y_max, x_min, x_max  # columns are rows now
    if orientation in (6, 7):
        x_min, x_max = width - x_max, width - x_min
    if orientation in (7, 8):
        y_min, y_max = height - y_max, height - y_min
    return x_min, y_min, x_max, y_max
