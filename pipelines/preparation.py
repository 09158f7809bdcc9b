"""From a source to a pool: every photo decoded once, the unreadable left out."""

import math

import numpy as np

from pipelines.content import UnreadableImage
from pipelines.disk_cache import cache_entry, load_or_fill
from pipelines.perceptual_hashing import perceptual_hash
from pipelines.photo import Photos, Skipped
from pipelines.pool import Pool
from pipelines.resizing import decode_for, squash
from pipelines.sources import read
from pipelines.threads import for_each

CACHES = ("auto", "memory", "disk", "none")
# "auto" keeps pixels in memory up to here, beyond it on disk.
MAX_MEMORY_BYTES = 2 * 1024**3


def prepare(
    source,
    image_size: int,
    *,
    split: str | None = None,
    cache: str = "auto",
    cache_dir=None,
    workers: int | None = None,
    progress=None,
) -> Pool:
    """Decodes, squashes and hashes every photo of a source, once.

    Args:
        source: Anything `read` understands, or `Photos`.
        image_size: Side in pixels of the square that photos are squashed to.
        split: Name of a split, see `read`.
        cache: Where pixels are kept: `"memory"`; `"disk"`, a memory-mapped file that
            the next call with the same photos and size reuses; `"none"`, so that each
            batch decodes again; `"auto"`, memory up to 2 GiB and disk beyond.
        cache_dir: Folder of the disk cache; `cache_folder()` by default.
        workers: Number of decoding threads; by default one per core.
        progress: Optional callable `(done, total)`.

    Returns:
        `Pool` of the readable photos.

    Raises:
        ValueError: If an argument is out of range, the source is not understood, or
            not one photo is readable.
    """
    if image_size < 1:
        raise ValueError(f"`image_size` must be at least 1. Received: {image_size}")
    if cache not in CACHES:
        raise ValueError(f"`cache` must be one of {CACHES}. Received: {cache!r}")
    photos = source if isinstance(source, Photos) else read(source, split)
    if not photos:
        raise ValueError(f"{photos.name} has no photos.")
    shape = (len(photos), image_size, image_size, 3)
    if cache == "auto":
        cache = "memory" if math.prod(shape) <= MAX_MEMORY_BYTES else "disk"

    def fill(images):
        hashes, reasons = decode_all(photos, image_size, images, workers, progress)
        move_readable_first(hashes, images, reasons)
        return hashes, reasons

    if cache == "disk":
        entry = cache_entry(photos, image_size, cache_dir)
        images, hashes, reasons = load_or_fill(entry, shape, fill)
    else:
        images = None if cache == "none" else np.empty(shape, "uint8")
        hashes, reasons = fill(images)
    readable = [photo for i, photo in enumerate(photos) if i not in reasons]
    return Pool(
        Photos(readable, photos.name, photos.problems),
        image_size,
        hashes[: len(readable)],
        None if images is None else images[: len(readable)],
        [Skipped(photos[i].path_name, reasons[i]) for i in sorted(reasons)],
        workers,
    )


def decode_all(photos, image_size, images, workers=None, progress=None):
    """Decodes every photo into its row of `images`.

    Args:
        photos: Sequence of `Photo`.
        image_size: Side of the squashed images in pixels.
        images: uint8 array `(num_photos, image_size, image_size, 3)` to write to, or
            None.
        workers: Number of threads.
        progress: Optional callable `(done, total)`.

    Returns:
        `(hashes, reasons)`: uint64 array `(num_photos,)`, and a dict from the index of
        an unreadable photo to the reason.
    """
    hashes = np.zeros(len(photos), "uint64")
    reasons = {}

    def decode_one(index):
        try:
            pixels = decode_for(photos[index], image_size)
        except UnreadableImage as error:
            reasons[index] = str(error)
        except OSError as error:
            reasons[index] = f"cannot be read: {error.strerror or error}"
        else:
            hashes[index] = perceptual_hash(pixels)
            if images is not None:
                images[index] = squash(pixels, image_size)

    for_each(decode_one, len(photos), workers, progress)
    if len(reasons) == len(photos):
        raise ValueError(
            f"None of the {len(photos)} photos of {photos.name} can be read. The "
            f"first: {photos[0].path_name}: {reasons[0]}"
        )
    return hashes, reasons


def move_readable_first(hashes, images, reasons):
    """Moves the rows of readable photos to the front, in place and in order."""
    readable = [index for index in range(len(hashes)) if index not in reasons]
    for row, index in enumerate(readable):
        if row != index:
            hashes[row] = hashes[index]
            if images is not None:
                images[row] = images[index]
