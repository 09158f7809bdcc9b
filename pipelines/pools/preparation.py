"""Preparation of a source: photos decoded once, boxes checked against them."""

import errno
import math

import numpy as np

from pipelines.cache.disk_cache import cache_entry, load_or_fill
from pipelines.images.resizing import Letterboxing, Squashing
from pipelines.photos.content import UnreadableImage
from pipelines.photos.photo import Photos, Problem, main_object
from pipelines.photos.unannotated import not_annotated
from pipelines.pools.object_targets import ObjectTargets
from pipelines.pools.pool import Pool
from pipelines.pools.threads import for_each
from pipelines.pools.turned_boxes import size_of_photo, turn_boxes_upright
from pipelines.pools.usable_objects import box_class_names, usable_photo
from pipelines.readers.labelled_source import tell_of_labelled_source
from pipelines.readers.sources import read

CACHES = ("auto", "memory", "disk", "none")
# Errors of a file itself. Others, such as a failing disk or too many open files, pass.
# Pillow's own have no number: they are about what is in the file.
LASTING_ERRORS = frozenset(
    (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)
    + (errno.EACCES, errno.EPERM)
)
# "auto" keeps pixels in memory up to here, beyond it on disk.
MAX_MEMORY_BYTES = 2 * 1024**3
# Size of photos that are looked at for their hash alone.
_HASHED_SIZE = 32


def prepare(
    source,
    image_size: int,
    *,
    split: str | None = None,
    letterboxed: bool = False,
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
        letterboxed: Whether photos keep their shape and are padded instead, as those
            with boxes are, see `letterbox`.
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
    photos = source if isinstance(source, Photos) else read(source, split)
    resizing = Letterboxing(image_size) if letterboxed else Squashing(image_size)
    photos, facts, images, skipped = prepare_images(
        photos, resizing, cache, cache_dir, workers, progress
    )
    hashes = facts["hash"] if letterboxed else facts
    return Pool(photos, resizing, hashes, images, skipped=skipped, workers=workers)


def prepare_for_hashes(photos, progress=None) -> Pool:
    """A pool of photos, kept small, for their perceptual hashes alone."""
    return prepare(photos, _HASHED_SIZE, cache="memory", progress=progress)


def prepare_labeled(
    source,
    image_size: int,
    *,
    split: str | None = None,
    class_names=None,
    main_object_only: bool = False,
    objects_required: bool = True,
    max_boxes: int | None = None,
    cache: str = "auto",
    cache_dir=None,
    workers: int | None = None,
    progress=None,
) -> Pool:
    """Decodes and letterboxes every photo of a source once, and checks its boxes.

    Boxes are those of the annotation, clipped to the photo as it really is: an
    annotation that states another size is reported, never used to scale. A photo that
    is not annotated (`Photo.annotated`), or of whose boxes not one is usable, is left
    out and reported: it is not known to show nothing.

    Args:
        source: Anything `read` understands, or `Photos`.
        image_size: Side of the square images in pixels, see `letterbox`.
        split: Name of a split, see `read`.
        class_names: Names of the classes, in the order of their indices; objects of
            other classes are dropped and reported. By default those that the boxes
            name, sorted: evaluation must be given those of the training.
        main_object_only: Whether each photo has one target, its main object: photos
            without one are left out and listed in `left_out`.
        objects_required: Whether there must be an object that is not difficult; without
            one there is nothing to learn, but false alarms can be counted.
        max_boxes: Number of boxes that photos are padded to; by default as many as
            needed.
        cache: Where pixels are kept, see `prepare`, as for the arguments that follow.
        cache_dir: Folder of the disk cache.
        workers: Number of decoding threads.
        progress: Optional callable `(done, total)`.

    Returns:
        `Pool` of the readable photos; its `problems` lists everything that is wrong
        with annotations.

    Raises:
        ValueError: If an argument is out of range, the source is not understood, not
            one photo is readable, or an object is required and none is usable.
    """
    photos = source if isinstance(source, Photos) else read(source, split)
    names = _class_names(photos, class_names)
    resizing = Letterboxing(image_size)
    readable, facts, images, skipped = prepare_images(
        photos, resizing, cache, cache_dir, workers, progress
    )
    usable, rows, left_out = _check_boxes(readable, facts, names, main_object_only)
    if objects_required:
        _refuse_without_objects(usable, len(readable), len(names))
    return Pool(
        usable,
        resizing,
        facts["hash"][rows],
        images,
        rows,
        ObjectTargets(usable, names, image_size, main_object_only, max_boxes),
        skipped,
        left_out,
        workers,
    )


def usable_photos(photos, class_names) -> Photos:
    """The photos with their true sizes and boxes as `prepare_labeled` makes them.

    None is decoded, so photos may be among them of which only the head is readable.

    Args:
        photos: `Photos`.
        class_names: Names of the classes; other objects are dropped.
    """
    sizes = [None] * len(photos)

    def read_size(index):
        sizes[index] = size_of_photo(photos[index])

    for_each(read_size, len(photos))
    photos = photos.take(row for row, size in enumerate(sizes) if size)
    sizes, problems = [size for size in sizes if size], list(photos.problems)
    upright = turn_boxes_upright(photos, sizes, problems)
    usable = [
        usable_photo(photo, *size, class_names, problems)
        for photo, size in zip(upright, sizes, strict=True)
    ]
    return Photos(usable, photos.name, problems)


def _class_names(photos, class_names):
    """The names that were asked for, or those of all boxes, as a tuple."""
    if isinstance(class_names, str):
        raise ValueError(
            "`class_names` must be a list of names, not one text. Received: "
            f"{class_names!r}"
        )
    names = box_class_names(photos) if class_names is None else tuple(class_names)
    if len(set(names)) < len(names):
        raise ValueError(
            f"`class_names` names a class twice. Received: {', '.join(names)}"
        )
    return names


def _check_boxes(readable, facts, class_names, main_object_only):
    """Checks the boxes of photos against what was measured on each.

    Returns:
        `(usable, rows, left_out)`: `Photos` to learn from, with all problems; their
        indices in `readable`; `Photos` without a main object, where one is required.

    Raises:
        ValueError: If no photo has an annotation that can be used.
    """
    problems = list(readable.problems)
    usable, rows, left_out = [], [], []
    sizes = [(int(height), int(width)) for height, width in facts[["height", "width"]]]
    upright = turn_boxes_upright(readable, sizes, problems)
    for row, (photo, size) in enumerate(zip(upright, sizes, strict=True)):
        photo = usable_photo(photo, *size, class_names, problems)
        if not photo.annotated:
            problems.append(not_annotated(photo))
        elif main_object_only and main_object(photo.objects) is None:
            left_out.append(photo)
        else:
            usable.append(photo)
            rows.append(row)
    if not usable and not left_out:
        raise ValueError(
            f"Not one of the {len(readable)} readable photos of {readable.name} has an "
            f"annotation that can be used.{tell_of_labelled_source(readable)}"
            f"{_first(problems)}"
        )
    left_out = Photos(left_out, f"{readable.name} left out")
    return Photos(usable, readable.name, problems), rows, left_out


def _refuse_without_objects(usable, num_readable, num_classes):
    """Refuses photos that show no object, or difficult ones alone."""
    if any(main_object(photo.objects) for photo in usable):
        return
    kind = "usable box"
    if any(photo.objects for photo in usable):
        kind = "box that is neither difficult nor a crowd"
    raise ValueError(
        f"{usable.name} has no {kind} in its {num_readable} readable photos, for "
        f"{num_classes} classes.{_first(usable.problems)}"
    )


def _first(problems):
    return f" First problem: {problems[0]}." if problems else ""


def prepare_images(
    photos, resizing, cache="auto", cache_dir=None, workers=None, progress=None
):
    """Decodes, resizes and measures every photo.

    Photos become square by `resizing`, a `Squashing` or `Letterboxing`; the arguments
    that follow are those of `prepare`.

    Returns:
        `(photos, facts, images, skipped)`: `Photos`, the readable ones; an array
        `(num_photos,)` of what was measured on each; their pixels, a uint8 array or
        memory map `(num_photos, image_size, image_size, 3)`, or None where none are
        kept; a list of `Problem`, the unreadable ones. How photos were read that is to
        be told is among the problems of the first, when they are decoded.

    Raises:
        ValueError: If an argument is out of range, or not one photo is readable.
    """
    if resizing.image_size < 1:
        raise ValueError(
            f"`image_size` must be at least 1. Received: {resizing.image_size}"
        )
    if cache not in CACHES:
        raise ValueError(f"`cache` must be one of {CACHES}. Received: {cache!r}")
    if not photos:
        raise ValueError(f"{photos.name} has no photos.")
    shape = (len(photos), resizing.image_size, resizing.image_size, 3)
    if cache == "auto":
        cache = "memory" if math.prod(shape) <= MAX_MEMORY_BYTES else "disk"

    remarks = []

    def fill(images):
        return decode_all(photos, resizing, images, workers, progress, remarks)

    if cache == "disk":
        entry = cache_entry(photos, resizing.image_size, cache_dir, resizing.name)
        images, facts, reasons = load_or_fill(entry, shape, fill)
    else:
        images = None if cache == "none" else _allocate(shape)
        facts, reasons, _ = fill(images)
    readable = photos.take(i for i in range(len(photos)) if i not in reasons)
    readable.problems += sorted(remarks, key=str)
    skipped = [
        Problem(photos[index].path_name, reason, "photo unreadable")
        for index, reason in sorted(reasons.items())
    ]
    images = None if images is None else images[: len(readable)]
    return readable, facts[: len(readable)], images, skipped


def decode_all(photos, resizing, images, workers=None, progress=None, remarks=None):
    """Decodes and measures photos; the rows of those that are readable come first.

    `images` is the uint8 array to write to, or None; `remarks` a list to which a
    `Problem` is appended for what is to be told of a photo. The result is that of the
    `fill` of `load_or_fill`.
    """
    facts = np.zeros(len(photos), resizing.facts_type)
    reasons, passing = {}, []

    def decode_one(index):
        def tell(text):
            if remarks is not None:
                remarks.append(Problem(photos[index].path_name, text, text))

        try:
            pixels = resizing.decode(photos[index], tell)
        except UnreadableImage as error:
            reasons[index] = str(error)
        except OSError as error:
            reasons[index] = f"cannot be read: {error.strerror or error}"
            if error.errno not in LASTING_ERRORS and error.errno is not None:
                passing.append(index)
        else:
            facts[index] = resizing.measure(pixels)
            if images is not None:
                images[index] = resizing.resize(pixels)

    for_each(decode_one, len(photos), workers, progress)
    if len(reasons) == len(photos):
        raise ValueError(
            f"None of the {len(photos)} photos of {photos.name} can be read. The "
            f"first: {photos[0].path_name}: {reasons[0]}"
        )
    readable = [index for index in range(len(photos)) if index not in reasons]
    for row, index in enumerate(readable):
        if row != index:
            facts[row] = facts[index]
            if images is not None:
                images[row] = images[index]
    return facts, reasons, not passing


def _allocate(shape):
    try:
        return np.empty(shape, "uint8")
    except MemoryError:
        raise ValueError(
            f"{shape[0]} photos of {shape[1]} px need {math.prod(shape) / 1e9:.1f} GB "
            "of memory, more than there is. Keep them on disk (--cache disk), or "
            "choose a smaller size."
        ) from None
