"""From a source with boxes to a pool: photos decoded, boxes checked against them."""

import dataclasses

from pipelines.images.resizing import Letterboxing
from pipelines.photos.box_checks import BOX_CLIPPED, BadBox, checked_box
from pipelines.photos.photo import Photo, Photos, Problem, main_class, main_object
from pipelines.pools.labeled_pool import LabeledPool
from pipelines.pools.preparation import prepare_images
from pipelines.readers.sources import read

SIZE_MISMATCH = "size mismatch"
UNKNOWN_CLASS = "box dropped: unknown class"


def prepare_labeled(
    source,
    image_size: int,
    *,
    split: str | None = None,
    class_names=None,
    main_object_only: bool = False,
    max_boxes: int | None = None,
    cache: str = "auto",
    cache_dir=None,
    workers: int | None = None,
    progress=None,
) -> LabeledPool:
    """Decodes and letterboxes every photo of a source once, and checks its boxes.

    Boxes are those of the annotation, clipped to the photo as it really is: an
    annotation that states another size is reported, never used to scale.

    Args:
        source: Anything `read` understands, or `Photos`.
        image_size: Side of the square images in pixels, see `letterbox`.
        split: Name of a split, see `read`.
        class_names: Names of the classes, in the order of their indices; objects of
            other classes are dropped and reported. By default those that the boxes
            name, sorted: evaluation must be given those of the training.
        main_object_only: Whether each photo has one target, its main object: photos
            without one are left out and listed in `left_out`.
        max_boxes: Number of boxes that photos are padded to; by default as many as
            needed.
        cache: Where pixels are kept, see `prepare`.
        cache_dir: Folder of the disk cache; `cache_folder()` by default.
        workers: Number of decoding threads; by default one per core.
        progress: Optional callable `(done, total)`.

    Returns:
        `LabeledPool` of the readable photos; its `problems` lists everything that is
        wrong with annotations.

    Raises:
        ValueError: If an argument is out of range, the source is not understood, not
            one photo is readable, or not one box is usable.
    """
    photos = source if isinstance(source, Photos) else read(source, split)
    if class_names is None:
        class_names = box_class_names(photos)
    class_names = _checked_names(class_names)
    prepared = prepare_images(
        photos, Letterboxing(image_size), cache, cache_dir, workers, progress
    )
    problems = list(photos.problems)
    usable, rows, left_out = [], [], []
    for row, (photo, facts) in enumerate(
        zip(prepared.photos, prepared.facts, strict=True)
    ):
        size = int(facts["height"]), int(facts["width"])
        photo = usable_photo(photo, *size, class_names, problems)
        if main_object_only and main_object(photo.objects) is None:
            left_out.append(photo)
            continue
        usable.append(photo)
        rows.append(row)
    if not any(photo.objects for photo in usable):
        first = f" First problem: {problems[0]}." if problems else ""
        raise ValueError(
            f"{photos.name} has no usable box in its {len(prepared.photos)} readable "
            f"photos, for {len(class_names)} classes.{first}"
        )
    return LabeledPool(
        Photos(usable, photos.name, problems),
        class_names,
        image_size,
        prepared.facts["hash"][rows],
        prepared.images,
        rows,
        main_object_only,
        max_boxes,
        prepared.skipped,
        Photos(left_out, f"{photos.name} left out"),
        workers,
    )


def box_class_names(photos) -> tuple[str, ...]:
    """Sorted names of the classes of all boxes of some photos."""
    return tuple(sorted({item.name for photo in photos for item in photo.objects}))


def usable_photo(photo, height, width, class_names, problems) -> Photo:
    """The photo with its true size, and with the objects that can be learned.

    Args:
        photo: `Photo`.
        height: True height of the upright photo in pixels.
        width: True width in pixels.
        class_names: Names of the classes; objects of others are dropped.
        problems: List to which a `Problem` is appended for each box dropped or
            clipped, and for a size that the annotation states wrongly.
    """

    def report(reason, kind):
        problems.append(Problem(photo.path_name, reason, kind))

    stated = photo.width, photo.height
    if None not in stated and stated != (width, height):
        turned = stated == (height, width)
        report(
            f"the annotation says {stated[0]} x {stated[1]}, the photo has {width} x "
            f"{height}"
            + (": drawn before the photo was turned upright?" if turned else ""),
            SIZE_MISMATCH,
        )
    objects = []
    for item in photo.objects:
        if item.name not in class_names:
            report(f"{item.name!r} is not among the classes", UNKNOWN_CLASS)
            continue
        try:
            box, remark = checked_box(item.box, width, height)
        except BadBox as error:
            report(f"{item.name!r} left out: {error}", error.kind)
            continue
        if remark:
            report(f"{item.name!r}: {remark}", BOX_CLIPPED)
        objects.append(dataclasses.replace(item, box=box))
    return dataclasses.replace(
        photo,
        objects=tuple(objects),
        label=main_class(objects),
        width=width,
        height=height,
    )


def _checked_names(class_names):
    if isinstance(class_names, str):
        raise ValueError(
            "`class_names` must be a list of names, not one text. Received: "
            f"{class_names!r}"
        )
    class_names = tuple(class_names)
    if len(set(class_names)) < len(class_names):
        raise ValueError(
            f"`class_names` names a class twice. Received: {', '.join(class_names)}"
        )
    return class_names
