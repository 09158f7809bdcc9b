"""Photo loading for prediction: decoding, checks, batches of bounded size."""

import dataclasses
import functools
import io
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from ssl_voc.predict.photo_names import NamedPhoto

# Bytes of decoded pixels that one batch may hold: a bound for memory where photos are
# large, of no effect where they are not. Two batches are held, see `load_ahead`.
MAX_BATCH_BYTES = 128 * 2**20
_JPEG_FORMATS = ("JPEG", "MPO")  # MPO: with a preview behind it
_LOSSY_FORMATS = (*_JPEG_FORMATS, "HEIF", "AVIF", "WEBP", "JPEG2000")


@dataclasses.dataclass(frozen=True)
class LoadedPhoto:
    """A photo that can be predicted and drawn.

    Attributes:
        path: Where it lies.
        name: Told from all others of the run.
        file: What lies there.
        pixels: uint8 `(height, width, 3)`, upright.
        is_lossy: Whether the file is of a lossy format, such as JPEG or HEIC.
        color_profile: ICC profile of the pixels, or None.
        has_more: Whether the file has more pages or frames than the first, which is
            the photo.
    """

    path: Path
    name: str
    file: bytes
    pixels: np.ndarray
    is_lossy: bool
    color_profile: bytes | None
    has_more: bool

    @functools.cached_property
    def data(self) -> bytes:
        """A JPEG or PNG file of the same pixels, for models that decode."""
        return model_bytes(self.file, self.pixels)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the upright photo."""
        return self.pixels.shape[:2]


def load_photo(photo: NamedPhoto) -> LoadedPhoto:
    """Reads and decodes a photo as training did.

    Raises:
        OSError: If the file cannot be read.
        pipelines.UnreadableImage: If it is no regular file, or not a complete image.
    """
    from pipelines import decode
    from pipelines.images.opening import open_image
    from pipelines.photos.content import PhotoFile

    file = PhotoFile(photo.path).load()
    pixels = decode(file)
    with open_image(file) as image:
        profile = image.info.get("icc_profile") if image.mode == "RGB" else None
        is_lossy = image.format in _LOSSY_FORMATS
        has_more = _has_more(image)
    return LoadedPhoto(
        photo.path, photo.name, file, pixels, is_lossy, profile, has_more
    )


def model_bytes(data: bytes, pixels: np.ndarray | None = None) -> bytes:
    """A JPEG or PNG file that models decode to the pixels that training saw.

    Args:
        data: A file that `pipelines.decode` reads.
        pixels: What it reads, if that is known.

    Returns:
        The file itself, or a PNG file of its pixels where decoders differ.
    """
    from pipelines import decode
    from pipelines.images.opening import open_image

    with open_image(data) as image:
        plain = _is_plain(image)
    if plain:
        return data
    return encode_png(decode(data) if pixels is None else pixels)


def encode_png(pixels: np.ndarray) -> bytes:
    """Packs uint8 pixels `(height, width, 3)` without loss."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _is_plain(image):
    """Whether all decoders give the pixels of a JPEG or PNG alike.

    They differ in transparency, 16 bit, CMYK, orientation in XMP and other formats.
    """
    known = image.format in (*_JPEG_FORMATS, "PNG")
    plain = image.mode in ("RGB", "L") and not image.has_transparency_data
    return known and plain and not _is_turned_outside_exif(image)


def _has_more(image):
    """Whether a file has more pages or frames than the first; previews are none."""
    try:
        return image.format != "MPO" and getattr(image, "is_animated", False)
    except Exception:
        return False  # damaged behind the first one, which is whole


def _is_turned_outside_exif(image):
    """Whether only XMP or a PNG's text states the orientation: artifacts read EXIF."""
    from PIL import Image

    from pipelines.images.orientation import EXIF_ORIENTATION

    exif = Image.Exif()
    try:
        stated = EXIF_ORIENTATION in image.getexif()
        exif.load(image.info.get("exif", b""))
    except Exception:
        return False  # as for `decode`, damaged metadata state nothing
    return stated and EXIF_ORIENTATION not in exif


def load_in_batches(
    photos: Iterable[NamedPhoto],
    batch_size: int,
    skip: Callable[[str, str], None],
    max_bytes: int = MAX_BATCH_BYTES,
) -> Iterator[list[LoadedPhoto]]:
    """Loads photos batch by batch.

    Args:
        photos: The photos.
        batch_size: Most photos of a batch.
        skip: Called with path and reason of a photo that cannot be used.
        max_bytes: Most bytes of pixels in a batch; a larger photo goes alone.

    Yields:
        Lists of `LoadedPhoto`, none of them empty.
    """
    from pipelines import UnreadableImage

    batch, size = [], 0
    for photo in photos:
        try:
            loaded = load_photo(photo)
        except UnreadableImage as error:
            skip(str(photo.path), str(error))
            continue
        except MemoryError:
            skip(str(photo.path), "too large for the memory that is left")
            continue
        except OSError as error:
            skip(str(photo.path), f"cannot be read: {error.strerror or error}")
            continue
        if batch and size + loaded.pixels.nbytes > max_bytes:
            yield batch
            batch, size = [], 0
        batch.append(loaded)
        size += loaded.pixels.nbytes
        if len(batch) == batch_size:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def load_ahead(batches: Iterator[Any]) -> Iterator[Any]:
    """Yields what an iterator gives, while a thread waits for the next of it."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = thread.submit(next, batches, None)
            yield batch
