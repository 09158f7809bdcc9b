"""Matching of detections with objects, done once and scored in many ways."""

import dataclasses
import functools

import numpy as np

from ssl_voc.boxes import box_ious
from ssl_voc.metrics.box_rows import BoxRows, rows_of_sides

# Bounds the memory of the overlaps: at most about this many pairs at once.
_CHUNK_PAIRS = 2_000_000


@dataclasses.dataclass(frozen=True)
class Matches:
    """Detections of a set of images, each with the object it found.

    Attributes:
        detections: `BoxRows` of the predictions.
        confidence: Float64 array `(num_detections,)`.
        objects: `BoxRows` of the truth.
        difficult: Bool array `(num_objects,)`.
        matched: Int64 array `(num_detections,)`: row of the object that overlaps the
            detection most, -1 where none exceeds the threshold.
        ious: Float64 array `(num_detections,)`: that overlap, also below the threshold.
        claims: Bool array `(num_detections,)`: whether the detection is the most
            confident one on its object; a later one is a duplicate.
        num_classes: Number of classes.
        iou_threshold: IoU that a match exceeds.
        across_classes: Whether detections could match objects of other classes.
    """

    detections: BoxRows
    confidence: np.ndarray
    objects: BoxRows
    difficult: np.ndarray
    matched: np.ndarray
    ious: np.ndarray
    claims: np.ndarray
    num_classes: int
    iou_threshold: float
    across_classes: bool

    @property
    def num_images(self):
        """Number of images."""
        return self.detections.num_images

    @functools.cached_property
    def on_difficult(self):
        """Bool array `(num_detections,)`: whether the matched object is difficult."""
        # The entry that -1, no object, picks.
        return np.append(self.difficult, False)[self.matched]

    @functools.cached_property
    def by_class(self):
        """Rows of the detections of each class, the most confident first.

        Equal confidence keeps the order of images, then of places within an image.
        """
        descending = np.argsort(-self.confidence, kind="stable")
        classes = self.detections.classes[descending]
        order = descending[np.argsort(classes, kind="stable")]
        counts = np.bincount(classes, minlength=self.num_classes)
        return np.split(order, np.cumsum(counts)[:-1]) if self.num_classes else []


def match_detections(
    predictions, ground_truth, iou_threshold=0.5, num_classes=None, across_classes=False
):
    """Matches detections with objects, image by image, by the rule of Pascal VOC.

    Each detection goes to the object of its class that it overlaps most, difficult ones
    included (the first one of equals), if the IoU exceeds the threshold strictly. Of
    the detections on one object the most confident claims it; a detection whose object
    is claimed does not look for another. Equal confidence: the earlier place in the
    image goes first. Overlaps are of the boxes as they are, half-open, in float64; they
    contain VOC's + 1 on inclusive pixels.

    Args:
        predictions: Dictionary of dense arrays: `"boxes"` `(num_images, D, 4)` xyxy in
            the unit of the truth, `"classes"` `(num_images, D)`, -1 where padded, and
            `"confidence"` `(num_images, D)`. Other keys are not read. In any order.
        ground_truth: Dictionary of dense arrays of the same images: `"boxes"`
            `(num_images, M, 4)`, `"classes"` `(num_images, M)`, -1 where padded, and
            optionally `"difficult"` `(num_images, M)`. D and M may be 0.
        iou_threshold: IoU to exceed, in `[0, 1)`.
        num_classes: Number of classes; by default one more than the highest in use.
        across_classes: Whether a detection may go to an object of another class, as a
            confusion matrix wants it. Average precision does not.

    Returns:
        `Matches`.

    Raises:
        ValueError: when arrays do not fit each other, a class is out of range, or a
            number that is no padding is nan or infinite.

    Reference:
        - [Everingham et al., 2010](https://doi.org/10.1007/s11263-009-0275-4),
          section 4.2
    """
    if not 0.0 <= iou_threshold < 1.0:
        raise ValueError(
            "`iou_threshold` is an IoU to exceed and must lie in [0, 1). "
            f"Received: iou_threshold={iou_threshold}"
        )
    detections, confidence, objects, difficult, num_classes = rows_of_sides(
        predictions, ground_truth, num_classes
    )
    matched, ious = most_overlapping(detections, objects, num_classes, across_classes)
    matched[~(ious > iou_threshold)] = -1
    return Matches(
        detections,
        confidence,
        objects,
        difficult,
        matched,
        ious,
        most_confident(matched, confidence),
        num_classes,
        iou_threshold,
        across_classes,
    )


def most_overlapping(detections, objects, num_classes, across_classes):
    """The object that each detection overlaps most, the first one of equals.

    Args:
        detections: `BoxRows`.
        objects: `BoxRows` of the same images.
        num_classes: Number of classes.
        across_classes: Whether objects of other classes are candidates.

    Returns:
        Row of the object, -1 where there is no candidate, and the IoU, 0 there: int64
        and float64 `(num_detections,)`.
    """

    def groups(rows):
        if across_classes:
            return rows.images
        return rows.images * num_classes + rows.classes

    # Objects of one group lie side by side; stable, so the first of equals is first.
    order = np.argsort(groups(objects), kind="stable")
    group = groups(objects)[order]
    starts = np.searchsorted(group, groups(detections), side="left")
    counts = np.searchsorted(group, groups(detections), side="right") - starts
    best = np.full(len(counts), -1)
    best_iou = np.zeros(len(counts))
    has_candidates = np.flatnonzero(counts)
    ends = np.cumsum(counts[has_candidates])
    num_chunks = -(-int(ends[-1]) // _CHUNK_PAIRS) if len(ends) else 0
    edges = np.searchsorted(ends, _CHUNK_PAIRS * np.arange(1, num_chunks))
    for chosen in np.split(has_candidates, edges):
        if not len(chosen):
            continue
        num = counts[chosen]
        first = np.cumsum(num) - num
        rows = np.repeat(np.arange(len(chosen)), num)
        candidates = order[starts[chosen][rows] + np.arange(len(rows)) - first[rows]]
        ious = box_ious(detections.boxes[chosen[rows]], objects.boxes[candidates])
        highest = np.maximum.reduceat(ious, first)
        at = np.flatnonzero(ious == highest[rows])
        at = at[np.searchsorted(rows[at], np.arange(len(chosen)))]
        best[chosen], best_iou[chosen] = candidates[at], highest
    return best, best_iou


def most_confident(matched, confidence):
    """Whether a detection is the most confident one on its object.

    Args:
        matched: Int64 array `(num_detections,)`: row of the object, -1 for none.
        confidence: Float array `(num_detections,)`; of equals the first row wins.

    Returns:
        Bool array `(num_detections,)`; false where there is no object.
    """
    rows = np.flatnonzero(matched >= 0)
    rows = rows[np.argsort(-confidence[rows], kind="stable")]
    _, first = np.unique(matched[rows], return_index=True)
    claims = np.zeros(len(matched), "bool")
    claims[rows[first]] = True
    return claims
