"""Right and wrong detections above a confidence, and the choice of it."""

import dataclasses

import numpy as np

from ssl_voc.evaluate.detection.matching import IOU_THRESHOLD
from ssl_voc.metrics.bootstrap import ratio


@dataclasses.dataclass(frozen=True)
class Counts:
    """What came of detections and objects, for photos, classes or all together.

    Attributes:
        true: Detections that are right, an array or a number.
        false: Detections that are wrong, likewise.
        wanted: Objects that were to be found, likewise.
    """

    true: np.ndarray
    false: np.ndarray
    wanted: np.ndarray

    def sum(self, axis=None):
        """`Counts` of the sums of the arrays along an axis, by default of all."""
        parts = (self.true, self.false, self.wanted)
        return Counts(*(part.sum(axis=axis) for part in parts))

    def rates(self):
        """Precision, recall and F1; nan where they divide nothing."""
        return {
            "precision": ratio(self.true, self.true + self.false),
            "recall": ratio(self.true, self.wanted),
            "f1": ratio(2 * self.true, self.true + self.false + self.wanted),
        }


def choose_confidence(found):
    """The confidence from which on detections have the highest F1, over all classes.

    Args:
        found: `ssl_voc.evaluate.detection.matching.Detections`.

    Returns:
        The roundest number from which on the same detections are kept as from the best
        one on, the highest one of equals; 1.0 when nothing is right.
    """
    counted = ~found.is_ignored
    order = np.argsort(-found.matches.confidence[counted], kind="stable")
    confidence = found.matches.confidence[counted][order]
    true = np.cumsum(found.is_true[counted][order])
    if not len(true) or not true[-1]:
        return 1.0
    f1 = 2 * true / (np.arange(1, len(true) + 1) + found.is_wanted.sum())
    # Equal confidence stays together.
    is_last = np.append(confidence[1:] < confidence[:-1], True)
    best = np.argmax(np.where(is_last, f1, -1.0))
    return _roundest(confidence[best], np.append(confidence, 0.0)[best + 1])


def _roundest(highest, above):
    """The number of fewest decimals up to a highest one, and above another.

    So one may type it: what float32 scores reach is the same.
    """
    for decimals in range(1, 9):
        rounded = np.floor(highest * 10**decimals) / 10**decimals
        if above < np.float32(rounded) and rounded <= highest:
            return float(rounded)
    return float(highest)


def count_outcomes(found, confidence):
    """Counts of each photo and class, among detections that confident at least.

    Returns:
        `Counts` of integer arrays `(num_photos, num_classes)`.
    """
    kept = found.is_kept(confidence)
    detections, objects = found.matches.detections, found.matches.objects
    parts = (
        (detections, found.is_true & kept),
        (detections, found.is_false & kept),
        (objects, found.is_wanted),
    )
    shape = len(found), len(found.class_names)
    counts = []
    for rows, chosen in parts:
        numbers = np.zeros(shape, "int64")
        np.add.at(numbers, (rows.images[chosen], rows.classes[chosen]), 1)
        counts.append(numbers)
    return Counts(*counts)


def corloc_of_photos(found):
    """CorLoc of each photo: float array `(num_photos,)`, nan without objects."""
    hits = np.full(len(found), np.nan)
    hits[np.unique(found.matches.objects.images)] = 0.0
    images = found.overlaps.detections.images
    order = np.argsort(-found.overlaps.confidence, kind="stable")
    with_detections, first = np.unique(images[order], return_index=True)
    is_hit = found.overlaps.ious[order[first]] > IOU_THRESHOLD
    hits[with_detections] = np.where(np.isnan(hits[with_detections]), np.nan, is_hit)
    return hits
