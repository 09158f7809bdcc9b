"""Photos, their annotated objects, and problems of their annotations."""

import collections.abc
import dataclasses

import numpy as np

from pipelines.photos.content import Content


@dataclasses.dataclass(frozen=True, slots=True)
class Object:
    """One annotated object of a photo.

    Attributes:
        name: Class name, as the annotation spells it, see `class_name`.
        box: `(x_min, y_min, x_max, y_max)` in pixels of the original photo, 0-based
            and half-open: the box covers `x_max - x_min` columns.
        difficult: Whether the annotation marks the object as one that evaluation
            ignores (VOC's `difficult`, COCO's `iscrowd`).
        truncated: Whether part of the object lies outside the box.
        crowd: Whether it is a group of objects, not one (COCO's `iscrowd`); such are
            difficult, too.
        mask_area: Area of its outline in square pixels, where the annotation states
            one, by which COCO tells small objects from large ones; else None.
    """

    name: str
    box: tuple[float, float, float, float]
    difficult: bool = False
    truncated: bool = False
    crowd: bool = False
    mask_area: float | None = None

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        x_min, y_min, x_max, y_max = self.box
        return (x_max - x_min) * (y_max - y_min)

    @property
    def shorter_side(self) -> float:
        """Shorter side of the box in pixels."""
        x_min, y_min, x_max, y_max = self.box
        return min(x_max - x_min, y_max - y_min)


@dataclasses.dataclass(frozen=True, slots=True)
class OriginalIds:
    """What the file that annotates a photo calls it and its classes.

    Attributes:
        path_name: The file, which holds no other ids.
        image_id: The photo's id, as the file writes it.
        category_ids: Maps names of classes to their ids.
    """

    path_name: str
    image_id: int | str
    category_ids: dict[str, int | str]


@dataclasses.dataclass(frozen=True, slots=True)
class Photo:
    """One photo, not yet decoded.

    Attributes:
        image_id: Stem of the file's name, or the path within the source where several
            photos have the stem, see `image_ids`; `predictions.json` refers to it.
        source: Name of the source that the photo comes from.
        content: Where its bytes or pixels are.
        objects: The usable annotated objects.
        label: Class of the whole photo, or None where nothing names one.
        width: Width in pixels as the annotation states it, or None.
        height: Height in pixels as the annotation states it, or None.
        annotated: Whether its annotation could be read, as a whole: only then no
            objects means that none is there. Others are no photos to learn boxes from.
        original_ids: The ids of the file of annotations, where it has such.
    """

    image_id: str
    source: str
    content: Content
    objects: tuple[Object, ...] = ()
    label: str | None = None
    width: int | None = None
    height: int | None = None
    annotated: bool = True
    original_ids: OriginalIds | None = dataclasses.field(default=None, compare=False)

    @property
    def path_name(self) -> str:
        """The photo's place in words, for messages."""
        return self.content.path_name

    def load(self) -> bytes | np.ndarray:
        """Reads the encoded file, or the pixels `(height, width, 3)`.

        Raises:
            OSError: If the file cannot be read.
            UnreadableImage: If an archive holds it damaged.
        """
        return self.content.load()


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an annotation or a photo, which were left out.

    Attributes:
        path_name: The file that is to be looked at.
        reason: What is wrong, with the numbers.
        kind: What is wrong, in words that many problems share, for counting:
            `"box dropped: ..."`, `"box clipped"`, `"photo unreadable"`, ...
    """

    path_name: str
    reason: str
    kind: str = "other"

    def __str__(self):
        return f"{self.path_name}: {self.reason}"


class Photos(collections.abc.Sequence):
    """An immutable sequence of `Photo`.

    Args:
        photos: Iterable of `Photo`.
        name: Name of the source, for messages and reports.
        problems: Iterable of `Problem` that reading met.
        whole: `Photos` that these are a part of, by default none.
    """

    def __init__(self, photos, name, problems=(), whole=None):
        self._photos = tuple(photos)
        self.name = name
        self.problems = list(problems)
        self._whole = whole

    def __len__(self):
        return len(self._photos)

    def __getitem__(self, index):
        if isinstance(index, slice):
            photos = self._photos[index]
            return Photos(photos, self.name, self.problems, self.whole)
        return self._photos[index]

    def take(self, indices):
        """The photos of some indices, in the order of this sequence."""
        photos = [self._photos[index] for index in sorted(indices)]
        return Photos(photos, self.name, self.problems, self.whole)

    def renamed(self, name):
        """The same photos, their source called by another name."""
        photos = [dataclasses.replace(photo, source=name) for photo in self._photos]
        whole = None if self._whole is None else self._whole.renamed(name)
        return Photos(photos, name, self.problems, whole)

    def __repr__(self):
        return (
            f"Photos(name={self.name!r}, {len(self)} photos, "
            f"{len(self.class_names)} classes, {len(self.problems)} problems)"
        )

    @property
    def whole(self) -> "Photos":
        """The photos that these were taken from, which tell more of their source."""
        return self if self._whole is None else self._whole

    @property
    def class_names(self) -> tuple[str, ...]:
        """Sorted names of all classes that a photo or an object has."""
        names = {photo.label for photo in self._photos if photo.label is not None}
        names.update(item.name for photo in self._photos for item in photo.objects)
        return tuple(sorted(names))


def join_photos(parts) -> Photos:
    """The photos and problems of several `Photos`, one after another."""
    return Photos(
        (photo for part in parts for photo in part),
        " + ".join(part.name for part in parts),
        [problem for part in parts for problem in part.problems],
    )


def main_object(objects) -> Object | None:
    """The largest object that is not difficult, the first of equals, or None.

    It is the single target of localization and names the class of the photo.
    """
    candidates = [item for item in objects if not item.difficult]
    return max(candidates, key=lambda item: item.area, default=None)


def main_class(objects) -> str | None:
    """Class name of `main_object`, or None."""
    item = main_object(objects)
    return None if item is None else item.name
