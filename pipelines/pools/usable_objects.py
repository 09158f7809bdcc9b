"""Annotated objects that can be learned from, checked against the decoded photo."""

import dataclasses

from pipelines.photos.box_checks import checked_box, usable_object
from pipelines.photos.photo import Photo, Problem, main_class
from pipelines.pools.duplicate_objects import LEAST_IOU, without_repeated

UNKNOWN_CLASS = "box dropped: unknown class"
REPEATED = "box dropped: repeats another"


def box_class_names(photos) -> tuple[str, ...]:
    """Sorted names of the classes of all boxes of some photos."""
    return tuple(sorted({item.name for photo in photos for item in photo.objects}))


def usable_photo(photo, height, width, class_names, problems) -> Photo:
    """The photo with its true size, and with the objects that can be learned.

    The true height and width are those of the upright photo in pixels. A `Problem` is
    appended to `problems` for each box that is clipped, or dropped since its class is
    not among the names, it is no box or repeats another, and for a size that the
    annotation states wrongly. A photo all of whose boxes of these classes were dropped
    is no longer `annotated`: it shows an object, but nobody knows where.
    """

    def report(reason, kind):
        problems.append(Problem(photo.path_name, reason, kind))

    stated = photo.width, photo.height
    if None not in stated and stated != (width, height):
        report(
            f"the annotation says {stated[0]} x {stated[1]}, the photo has {width} x "
            f"{height}",
            "size mismatch",
        )
    objects, num_dropped = [], 0
    for item in photo.objects:
        if item.name not in class_names:
            report(f"{item.name!r} is not among the classes", UNKNOWN_CLASS)
            continue
        check = checked_box, item.box, width, height
        box = usable_object(problems, photo.path_name, repr(item.name), *check)
        if box is None:
            num_dropped += 1
        else:
            objects.append(dataclasses.replace(item, box=box))
    objects, repeated = without_repeated(objects)
    for item in repeated:
        box = ", ".join(f"{value:g}" for value in item.box)
        report(
            f"{item.name!r} at ({box}) repeats a box of its class (equal, or IoU above "
            f"{LEAST_IOU})",
            REPEATED,
        )
    return dataclasses.replace(
        photo,
        objects=tuple(objects),
        label=main_class(objects),
        width=width,
        height=height,
        annotated=photo.annotated and (bool(objects) or not num_dropped),
    )
