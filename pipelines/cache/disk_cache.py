"""Disk cache of prepared images, keyed by what they were made from."""

import errno
import hashlib
import json
import math
import os
import pathlib
import shutil

import numpy as np

from pipelines.cache.cache_folder import cache_folder, new_folder, sole_writer
from pipelines.images.opening import installed_formats

# Part of the key: raise it when decoding, resizing or hashing give other values.
PREPARATION_VERSION = 4
# Marks an entry that lacks photos which a failing system could not read.
_RETRY = "retry"
# Of file systems that cannot reserve space.
_NO_RESERVATIONS = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENODEV}


def cache_entry(photos, image_size, cache_dir=None, shape="square") -> pathlib.Path:
    """Folder of the prepared images of these photos at this size; it may not exist.

    Its name is a digest of the photos' fingerprints (whole path, size and times of a
    file; the pixels of an array) in their order, of the image size, of how the photos
    got their shape, and of the formats that can be read here.
    """
    digest = hashlib.blake2b(digest_size=16)
    formats = " ".join(installed_formats())
    digest.update(f"{PREPARATION_VERSION} {image_size} {shape} {formats}\n".encode())
    for photo in photos:
        line = f"{photo.content.fingerprint()}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    root = cache_folder() if cache_dir is None else pathlib.Path(cache_dir)
    return root / "prepared" / digest.hexdigest()


def load_or_fill(entry, shape, fill):
    """Opens an entry, after making it if it is missing or damaged.

    An entry appears whole or not at all. Processes that want the same one take turns,
    so that one of them decodes and the others find it done. An entry whose photos were
    unreadable for passing reasons serves once.

    Args:
        entry: Path of the entry's folder, see `cache_entry`.
        shape: `(num_photos, image_size, image_size, 3)`.
        fill: Callable that writes to a uint8 array of this shape and returns
            `(facts, reasons, lasting)`: an array `(num_photos,)` of what is known of
            each photo, such as its hash; a dict from the index of an unreadable photo
            to the reason; and whether these reasons will be true the next time.

    Returns:
        `(images, facts, reasons)`, the images as a read-only memory map.

    Raises:
        OSError: If the cache folder cannot be written or the disk is full.
    """
    found = _load(entry, shape)
    if found is not None:
        return found
    with sole_writer(entry):
        found = _load(entry, shape)  # another process may have just made it
        if found is None:
            _make(entry, shape, fill)
            found = _load(entry, shape, once=True)
    return found


def _load(entry, shape, once=False):
    """The entry, or None if it is damaged, or to be made again and not served once."""
    if (entry / _RETRY).exists() and not once:
        return None
    try:
        images = np.load(entry / "images.npy", mmap_mode="r")
        facts = np.load(entry / "facts.npy")
        stored = json.loads((entry / "unreadable.json").read_text("utf-8"))
    except (OSError, ValueError, EOFError):
        return None
    if images.shape != shape or facts.shape != shape[:1]:
        return None
    return images, facts, {int(index): reason for index, reason in stored.items()}


def _make(entry, shape, fill):
    with new_folder(entry) as folder:
        free, needed = shutil.disk_usage(folder).free, math.prod(shape)
        if needed > free:
            raise OSError(
                f"the prepared images need {needed / 1e9:.1f} GB, but {folder.parent} "
                f"has {free / 1e9:.1f} GB left. Delete what it holds "
                f"({_size_of(folder.parent) / 1e9:.1f} GB; what is needed is prepared "
                "again), or choose another cache folder, a smaller image size, or no "
                "cache."
            )
        path = folder / "images.npy"
        images = np.lib.format.open_memmap(path, "w+", "uint8", shape)
        _reserve(path)
        facts, reasons, lasting = fill(images)
        images.flush()
        del images  # Windows renames no folder with an open file
        np.save(folder / "facts.npy", facts)
        (folder / "unreadable.json").write_text(json.dumps(reasons), "utf-8")
        if not lasting:
            (folder / _RETRY).touch()
        if _load(entry, shape) is None:  # no other machine was quicker
            shutil.rmtree(entry, ignore_errors=True)


def _size_of(folder):
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _reserve(path):
    """Takes the space of a file from the disk at once, where the system can.

    A memory map learns of a full disk, or quota, by a signal that ends the process.
    """
    if not hasattr(os, "posix_fallocate"):  # macOS, Windows
        return
    try:
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        if error.errno not in _NO_RESERVATIONS:
            raise
