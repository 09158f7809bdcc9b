"""Report of one set of labelled photos: counts, sizes of boxes, problems."""

import collections
import dataclasses

import numpy as np

from pipelines.images.letterboxing import boxes_to_letterbox
from pipelines.photos import object_sizes
from pipelines.photos.photo import main_object
from pipelines.photos.unannotated import NOT_ANNOTATED
from pipelines.pools.usable_objects import REPEATED

# A box with a shorter side shows nothing that could be learned.
MIN_SIDE = 2.0
NUM_EXAMPLES = 3
NUM_CLASSES_SHOWN = 40


@dataclasses.dataclass(slots=True)
class ClassCount:
    """Counts of one class.

    Attributes:
        objects: Number of its boxes.
        photos: Number of photos with such a box.
        main: Number of photos whose main object is of the class.
        difficult: Number of its boxes that evaluation ignores.
        truncated: Number of its boxes whose object is cut off.
    """

    objects: int = 0
    photos: int = 0
    main: int = 0
    difficult: int = 0
    truncated: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class SetReport:
    """Counts of one set of photos.

    Attributes:
        name: Name of the set.
        num_photos: Number of photos.
        num_unreadable: Number of photos that could not be decoded and are not counted
            otherwise; None where nothing was decoded.
        num_not_annotated: Number of photos without an annotation that can be used, who
            are not counted otherwise.
        num_without_boxes: Number of photos without a usable box.
        num_without_main_object: Number of photos without an object that is not
            difficult, those without boxes included.
        num_boxes: Number of usable boxes.
        max_boxes: Largest number of them in one photo.
        classes: Maps class names to `ClassCount`.
        sizes: Maps `"small"`, `"medium"`, `"large"`, and `"unknown"` for photos of
            unknown size, to numbers of boxes.
        size_protocol: What these sizes mean.
        num_degenerate: Number of boxes with a side below 2 pixels, in the square that
            photos are resized to, or in the original where nothing was resized.
        num_repeated: Number of boxes that repeat one of the same photo and class. A
            pool has left them out.
        problems: Maps kinds of problems to texts, each with a file's name. Boxes that
            were dropped or clipped are here.
    """

    name: str
    num_photos: int
    num_unreadable: int | None
    num_not_annotated: int
    num_without_boxes: int
    num_without_main_object: int
    num_boxes: int
    max_boxes: int
    classes: dict[str, ClassCount]
    sizes: dict[str, int]
    size_protocol: str
    num_degenerate: int
    num_repeated: int
    problems: dict[str, list[str]]

    def text(self) -> str:
        """The report for people, in lines."""
        unreadable = self.num_unreadable
        decoded = "not decoded" if unreadable is None else f"{unreadable} unreadable"
        if self.num_photos:
            lines = self._box_lines(decoded)
        else:  # no count of boxes says anything
            of_classes = f" of {len(self.classes)} classes" * bool(self.classes)
            lines = [
                f"{self.name}: {self.num_not_annotated} photos{of_classes}, none with "
                "boxes",
                f"  {decoded}",
            ]
        for kind, texts in sorted(self.problems.items()):
            lines.append(f"  {len(texts)} x {kind}")
            lines += [f"    {text}" for text in texts[:NUM_EXAMPLES]]
        return "\n".join(lines)

    def _box_lines(self, decoded):
        return [
            f"{self.name}: {self.num_photos} photos, {self.num_boxes} boxes of "
            f"{len(self.classes)} classes, at most {self.max_boxes} in a photo",
            f"  {self.num_without_boxes} photos without boxes, "
            f"{self.num_without_main_object} without a main object, "
            f"{decoded}, {self.num_not_annotated} not annotated",
            *self._class_lines(),
            "  sizes: "
            + ", ".join(f"{number} {size}" for size, number in self.sizes.items())
            + f" ({self.size_protocol})",
            f"  {self.num_degenerate} boxes thinner than {MIN_SIDE:g} pixels, "
            f"{self.num_repeated} repeated",
        ]

    def _class_lines(self):
        columns = [field.name for field in dataclasses.fields(ClassCount)]
        width = max([5, *map(len, self.classes)])
        yield f"  {'class':{width}}" + "".join(f"{name:>11}" for name in columns)
        for name in list(self.classes)[:NUM_CLASSES_SHOWN]:
            numbers = dataclasses.astuple(self.classes[name])
            yield f"  {name:{width}}" + "".join(f"{number:>11}" for number in numbers)
        if len(self.classes) > NUM_CLASSES_SHOWN:
            yield f"  ... and {len(self.classes) - NUM_CLASSES_SHOWN} more classes"


def report_set(source) -> SetReport:
    """Counts what a set of labelled photos holds.

    Args:
        source: `Photos`, or a `Pool` of them. A pool knows the true sizes, which
            photos are unreadable, and classes without any object.
    """
    pool = source if getattr(source, "objects", None) is not None else None
    photos = getattr(source, "photos", source)
    class_names = photos.class_names if pool is None else pool.class_names
    classes = {name: ClassCount() for name in class_names}
    sizes = dict.fromkeys((*object_sizes.SIZES, "unknown"), 0)
    counts = collections.Counter()
    num_boxes = []
    for photo in [*photos, *(pool.left_out if pool else ())]:
        if not photo.annotated:
            counts["not annotated"] += 1
            continue
        objects = photo.objects
        num_boxes.append(len(objects))
        _count_classes(objects, classes)
        counts["without main object"] += main_object(objects) is None
        counts["repeated"] += len(objects) - len({(i.name, i.box) for i in objects})
        for item in objects:
            sizes[_size(item, photo)] += 1
        sides = _shorter_sides(photo, pool.image_size if pool else None)
        counts["degenerate"] += int((sides < MIN_SIDE).sum())
    counts["repeated"] += sum(each.kind == REPEATED for each in photos.problems)
    texts = {}
    for problem in photos.problems:
        texts.setdefault(problem.kind, []).append(str(problem))
    skipped = getattr(source, "skipped", None)
    return SetReport(
        name=photos.name,
        num_photos=len(num_boxes),
        num_unreadable=None if skipped is None else len(skipped),
        num_not_annotated=counts["not annotated"] + len(texts.get(NOT_ANNOTATED, ())),
        num_without_boxes=num_boxes.count(0),
        num_without_main_object=counts["without main object"],
        num_boxes=sum(num_boxes),
        max_boxes=max(num_boxes, default=0),
        classes=classes,
        sizes=sizes,
        size_protocol=object_sizes.PROTOCOL,
        num_degenerate=counts["degenerate"],
        num_repeated=counts["repeated"],
        problems=texts,
    )


def _count_classes(objects, classes):
    main = main_object(objects)
    if main is not None:
        classes[main.name].main += 1
    for name in {item.name for item in objects}:
        classes[name].photos += 1
    for item in objects:
        classes[item.name].objects += 1
        classes[item.name].difficult += item.difficult
        classes[item.name].truncated += item.truncated


def _size(item, photo):
    if photo.width is None or photo.height is None:
        return "unknown"
    return object_sizes.object_size(item.area, photo.width * photo.height)


def _shorter_sides(photo, image_size):
    """Of its boxes, in pixels of the square, or of the original for a size of None."""
    boxes = np.array([item.box for item in photo.objects]).reshape(-1, 4)
    if image_size is not None:
        size = np.array([photo.height, photo.width])
        boxes = boxes_to_letterbox(boxes, size, image_size)
    return (boxes[:, 2:] - boxes[:, :2]).min(axis=1)
