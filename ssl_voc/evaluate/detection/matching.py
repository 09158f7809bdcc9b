"""Detections of photos, matched once with the objects."""

import dataclasses
import functools

import numpy as np

from pipelines import Photos
from pipelines.photos import object_sizes
from ssl_voc.evaluate.records import objects_of
from ssl_voc.metrics.detection_matching import Matches, match_detections

IOU_THRESHOLD = 0.5
# A box of the right class that overlaps an object this much was meant for it.
LEAST_IOU_OF_A_TRY = 0.1
# Why a detection is wrong, in the order in which they are asked for, and its name for
# people.
MISTAKES = {
    "class": "wrong class",
    "duplicate": "duplicate",
    "location": "poor location",
    "background": "background",
}


@dataclasses.dataclass(frozen=True)
class Detections:
    """Detections of photos, matched with the objects by the rule of Pascal VOC.

    Attributes:
        photos: `pipelines.Photos` of true sizes, with objects of `class_names` only.
        class_names: Tuple of names, in the order of the classes.
        predictions: Dictionary of arrays `"boxes"` `(num_photos, D, 4)`, float64 xyxy
            in pixels of the photos, `"classes"` and `"confidence"` `(num_photos, D)`;
            padding is -1.
        ground_truth: Dictionary of arrays `"boxes"` `(num_photos, M, 4)`, `"classes"`
            and `"difficult"` `(num_photos, M)`; padding is -1.
        matches: `Matches` within classes, IoU above 0.5.
        overlaps: `Matches` of the same detections with objects of any class, at any
            IoU above 0.
        not_finite: Bool array `(num_photos,)`: whether a prediction was NaN or
            infinite; such detections are left out of everything else.
    """

    photos: Photos
    class_names: tuple[str, ...]
    predictions: dict[str, np.ndarray]
    ground_truth: dict[str, np.ndarray]
    matches: Matches
    overlaps: Matches
    not_finite: np.ndarray

    def __len__(self):
        return len(self.photos)

    @property
    def is_ignored(self):
        """Bool array `(num_detections,)`: on a difficult object, so it counts not."""
        return self.matches.on_difficult

    @functools.cached_property
    def is_true(self):
        """Bool array `(num_detections,)`: most confident on an object to be found."""
        return self.matches.claims & ~self.is_ignored

    @property
    def is_false(self):
        """Bool array `(num_detections,)`: counts, and is not right."""
        return ~self.is_true & ~self.is_ignored

    @property
    def is_wanted(self):
        """Bool array `(num_objects,)`: to be found, hence not difficult."""
        return ~self.matches.difficult

    def is_kept(self, confidence):
        """Bool array `(num_detections,)`: whether that confident at least."""
        return self.matches.confidence >= confidence

    def is_found(self, confidence=-np.inf):
        """Bool array `(num_objects,)`: by a detection that confident at least."""
        found = np.zeros(len(self.matches.difficult), "bool")
        found[self.matches.matched[self.is_true & self.is_kept(confidence)]] = True
        return found

    @functools.cached_property
    def object_sizes(self):
        """Array `(num_objects,)` of `"small"`, `"medium"` and `"large"`."""
        return self._sizes(self.matches.objects)

    @functools.cached_property
    def detection_sizes(self):
        """Array `(num_detections,)`, of their own boxes."""
        return self._sizes(self.matches.detections)

    @functools.cached_property
    def mistakes(self):
        """Array `(num_detections,)` of keys of `MISTAKES`; empty text where not false.

        Difficult objects of another class count as objects of another class.
        """
        matches, overlaps = self.matches, self.overlaps
        nearest = np.append(overlaps.objects.classes, -1)[overlaps.matched]
        is_other = nearest != matches.detections.classes
        on_other = is_other & (overlaps.ious > IOU_THRESHOLD)
        kinds = np.select(
            [on_other, matches.matched >= 0, matches.ious >= LEAST_IOU_OF_A_TRY],
            ["class", "duplicate", "location"],
            "background",
        )
        return np.where(self.is_false, kinds, "")

    def count_by_photo(self, images):
        """How many rows each photo has: integer array `(num_photos,)`.

        Args:
            images: Integer array of the photos' indices, such as
                `matches.detections.images`.
        """
        return np.bincount(images, minlength=len(self))

    def _sizes(self, rows):
        sides = np.maximum(rows.boxes[:, 2:] - rows.boxes[:, :2], 0.0)
        areas = [photo.width * photo.height for photo in self.photos]
        return np.array(
            [
                object_sizes.object_size(area, areas[image])
                for area, image in zip(np.prod(sides, axis=1), rows.images, strict=True)
            ],
            "U6",
        )


def measure_detections(photos, class_names, predicted):
    """Matches what was predicted with the objects of photos.

    Args:
        photos: `pipelines.Photos` of true sizes with objects of `class_names` only,
            such as those of a `pipelines.Pool`. Photos without objects count:
            what is detected there is false.
        class_names: Names of the classes, in the order of their indices.
        predicted: Dictionary of arrays `"boxes"` `(num_photos, D, 4)`, xyxy in pixels
            of the photos, inside them; `"classes"` and `"confidence"`
            `(num_photos, D)`. Rows of class -1 are padding.

    Returns:
        `Detections`.

    Raises:
        ValueError: when a class is none of `class_names`.
    """
    class_names = tuple(class_names)
    exists = np.asarray(predicted["classes"]) >= 0
    boxes = np.asarray(predicted["boxes"], "float64")
    confidence = np.asarray(predicted["confidence"], "float64")
    finite = np.isfinite(boxes).all(axis=-1) & np.isfinite(confidence)
    kept = exists & finite
    predictions = {
        "boxes": np.where(kept[..., None], boxes, -1.0),
        "classes": np.where(kept, predicted["classes"], -1).astype("int64"),
        "confidence": np.where(kept, confidence, -1.0),
    }
    ground_truth = objects_of(photos, class_names)
    num_classes = len(class_names)
    return Detections(
        photos,
        class_names,
        predictions,
        ground_truth,
        match_detections(predictions, ground_truth, IOU_THRESHOLD, num_classes),
        match_detections(
            predictions, ground_truth, 0.0, num_classes, across_classes=True
        ),
        np.any(exists & ~finite, axis=1),
    )
