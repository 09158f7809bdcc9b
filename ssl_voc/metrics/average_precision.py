"""Average precision by the protocols of Pascal VOC."""

import dataclasses

import numpy as np

from ssl_voc.metrics.detection_matching import match_detections

# From 2010 on VOC took the area; before, the mean of eleven heights.
PROTOCOLS = ("voc07", "voc10")


@dataclasses.dataclass(frozen=True, slots=True)
class PrecisionRecallCurve:
    """What one class comes to when detections are taken from the most confident on.

    All arrays are `(num_counted_detections,)`; detections of difficult objects are
    neither right nor wrong and left out.

    Attributes:
        recall: Share of the objects found so far; nan where there are none.
        precision: Share of right ones among the detections so far, not interpolated.
        confidence: Confidence of the last one taken.
    """

    recall: np.ndarray
    precision: np.ndarray
    confidence: np.ndarray


@dataclasses.dataclass(frozen=True, slots=True)
class AveragePrecision:
    """Average precision of each class, and their mean.

    Attributes:
        mean: Mean over the classes that have objects; nan when none has.
        per_class: Float64 array `(num_classes,)`; nan where a class has no object.
        num_objects: Int64 array `(num_classes,)`: objects to be found.
        curves: Tuple of a `PrecisionRecallCurve` a class.
        protocol: `"voc07"` or `"voc10"`.
        iou_threshold: IoU that a right detection exceeds.
    """

    mean: float
    per_class: np.ndarray
    num_objects: np.ndarray
    curves: tuple
    protocol: str
    iou_threshold: float


def voc_average_precision(
    predictions, ground_truth, protocol="voc07", iou_threshold=0.5, num_classes=None
):
    """VOC AP: matches detections, then averages precision over recall.

    For both protocols, groups or intervals of the same detections call
    `match_detections` once and score its result with `score_matches`.

    Args:
        predictions: See `match_detections`.
        ground_truth: See `match_detections`.
        protocol: See `score_matches`.
        iou_threshold: See `match_detections`.
        num_classes: See `match_detections`.

    Returns:
        `AveragePrecision`.

    Raises:
        ValueError: of both.

    Example:
        ```python
        predictions = model.predict(images)
        result = voc_average_precision(predictions, ground_truth, "voc10")
        print(result.mean, result.per_class)
        ```
    """
    check_protocol(protocol)
    matches = match_detections(predictions, ground_truth, iou_threshold, num_classes)
    return score_matches(matches, protocol)


def score_matches(matches, protocol="voc07", object_mask=None, detection_mask=None):
    """VOC AP of matched detections.

    `"voc07"` averages, over the recalls 0, 0.1, ..., 1, the highest precision reached
    at that recall or above; `"voc10"` takes the area under the same monotone envelope.
    Detections of difficult objects count neither way, and difficult objects need not be
    found. Recall is compared with k / 10 in whole numbers: no rounding.

    Masks restrict the figure to some objects, such as the small ones. All others are
    then treated like difficult ones; a detection that found nothing is wrong only where
    its own mask is true (as COCO does it with sizes).

    Args:
        matches: `Matches` within classes.
        protocol: `"voc07"` or `"voc10"`.
        object_mask: Optional bool array `(num_images, M)`, padded as the truth was.
        detection_mask: Optional bool array `(num_images, D)`, as the predictions were.

    Returns:
        `AveragePrecision`.

    Raises:
        ValueError: when the protocol is unknown, a mask does not fit, or `matches` went
            across classes.

    Reference:
        - [Everingham et al., 2010](https://doi.org/10.1007/s11263-009-0275-4)
        - [Everingham et al., 2015](https://doi.org/10.1007/s11263-014-0733-5)
    """
    check_protocol(protocol)
    counted, true, wanted = _judge(matches, object_mask, detection_mask)
    num_objects = _count_by_class(matches, wanted)
    per_class = np.full(matches.num_classes, np.nan)
    curves = []
    for number, rows in enumerate(matches.by_class):
        rows = rows[counted[rows]]
        is_true = true[rows]
        found = np.cumsum(is_true, dtype="float64")
        shown = np.arange(1.0, len(rows) + 1)
        total = num_objects[number]
        recall = found / total if total else np.full(len(rows), np.nan)
        curves.append(
            PrecisionRecallCurve(recall, found / shown, matches.confidence[rows])
        )
        at_true = found[is_true], shown[is_true], np.float64(total)
        per_class[number] = _interpolate(*at_true, protocol)
    return AveragePrecision(
        mean_of_classes(per_class),
        per_class,
        num_objects,
        tuple(curves),
        protocol,
        matches.iou_threshold,
    )


def average_precision_by_group(
    matches, object_groups, detection_groups, protocol="voc07"
):
    """VOC AP of each group of objects: small, medium and large, for example.

    Args:
        matches: `Matches` within classes.
        object_groups: Array `(num_images, M)` of each object's group; what stands at
            padding is not looked at. An object whose group is `None` is in none.
        detection_groups: Array `(num_images, D)`: the group by which a detection that
            found nothing is counted, such as the size of its own box.
        protocol: See `score_matches`.

    Returns:
        Dictionary from each group that an object is in, ascending, to
        `AveragePrecision`.
    """
    object_groups = np.asarray(object_groups)
    detection_groups = np.asarray(detection_groups)
    present = matches.objects.pick(object_groups, "object_groups").tolist()
    return {
        group: score_matches(
            matches, protocol, object_groups == group, detection_groups == group
        )
        for group in sorted({group for group in present if group is not None})
    }


def weighted_average_precision(matches, weights, protocol="voc07"):
    """VOC AP per class with each image counted several times, or not at all.

    What a bootstrap over images needs: it equals matching and scoring a set that holds
    each image that often (up to the order of equal confidence across copies), without
    doing either again.

    Args:
        matches: `Matches` within classes.
        weights: Array `(num_resamples, num_images)`, 0 or above.
        protocol: See `score_matches`.

    Returns:
        Float64 array `(num_resamples, num_classes)`; nan where no object is left.
    """
    check_protocol(protocol)
    weights = np.asarray(weights, "float64")
    if weights.ndim != 2 or weights.shape[1] != matches.num_images:
        raise ValueError(
            "`weights` must have a column for each image: (num_resamples, "
            f"{matches.num_images}). Received: weights.shape={weights.shape}"
        )
    counted, true, wanted = _judge(matches, None, None)
    objects = matches.objects
    averages = np.empty((len(weights), matches.num_classes))
    for number, rows in enumerate(matches.by_class):
        rows = rows[counted[rows]]
        at_true = np.flatnonzero(true[rows])
        # What comes after the last right one changes nothing.
        rows = rows[: at_true[-1] + 1] if len(at_true) else rows[:0]
        times = weights[:, matches.detections.images[rows]]
        shown = np.cumsum(times, axis=1)[:, at_true]
        found = np.cumsum(times[:, at_true], axis=1)
        images = objects.images[wanted & (objects.classes == number)]
        total = weights[:, images].sum(axis=1)
        averages[:, number] = _interpolate(found, shown, total, protocol)
    return averages


def mean_of_classes(per_class):
    """Mean over the last axis, nan left out; nan where nothing is left."""
    has_value = ~np.isnan(per_class)
    counts = has_value.sum(axis=-1)
    sums = np.where(has_value, per_class, 0.0).sum(axis=-1)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return float(means) if means.ndim == 0 else means


def check_protocol(protocol):
    """Raises unless the protocol is one of `PROTOCOLS`."""
    if protocol not in PROTOCOLS:
        raise ValueError(
            f"`protocol` must be one of {', '.join(PROTOCOLS)}. Received: {protocol!r}"
        )


def _judge(matches, object_mask, detection_mask):
    """Which detections count, which are right, and which objects are to be found."""
    if matches.across_classes:
        raise ValueError(
            "Average precision needs detections matched within their classes. "
            "Received: matches with across_classes=True"
        )
    wanted = ~matches.difficult
    if object_mask is not None:
        wanted &= matches.objects.pick(object_mask, "object_mask").astype("bool")
    alone = np.ones(len(matches.confidence), "bool")
    if detection_mask is not None:
        alone = matches.detections.pick(detection_mask, "detection_mask").astype("bool")
    # The entry that -1, no object, picks.
    by_object = np.append(wanted, False)[matches.matched]
    counted = np.where(matches.matched >= 0, by_object, alone)
    return counted, by_object & matches.claims, wanted


def _count_by_class(matches, wanted):
    classes = matches.objects.classes[wanted]
    return np.bincount(classes, minlength=matches.num_classes)


def _interpolate(found, shown, num_objects, protocol):
    """Average precision from the curve's right detections; between them it only falls.

    Args:
        found: Right detections up to each right one, `(..., n)`.
        shown: Detections up to each right one, `(..., n)`.
        num_objects: Objects to be found, `(...)`.
        protocol: `"voc07"` or `"voc10"`.

    Returns:
        Array `(...)`; nan without objects.
    """
    precision = np.where(shown > 0, found / np.where(shown > 0, shown, 1.0), 0.0)
    envelope = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    total = np.where(num_objects > 0, num_objects, np.nan)
    if protocol == "voc10":
        steps = np.diff(found, axis=-1, prepend=0.0)
        return (steps * envelope).sum(axis=-1) / total
    # At a recall that is never reached precision is 0.
    never = np.zeros((*envelope.shape[:-1], 1))
    envelope = np.concatenate([envelope, never], axis=-1)
    heights = 0.0
    for tenth in range(11):
        missing = 10.0 * found < tenth * total[..., None]
        first = missing.sum(axis=-1, keepdims=True)
        heights += np.take_along_axis(envelope, first, axis=-1)[..., 0]
    return np.where(np.isnan(total), np.nan, heights / 11)
