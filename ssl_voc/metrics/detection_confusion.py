"""Confusion matrix of a detector, with a background."""

import numpy as np

from ssl_voc.metrics.detection_matching import most_confident, most_overlapping


def confusion_counts(matches, lowest_confidence):
    """Counts of true and predicted classes among detections, with a background.

    Right detections, by VOC's rule, stand on the diagonal. Of the wrong ones and the
    objects that nothing found, those of different classes that overlap by more than the
    threshold are paired, the most confident first, each object once: one class was
    taken for another. What is left was seen where nothing is (duplicates too), or was
    missed. Difficult objects, and what their own class detects on them, are left out.

    Args:
        matches: `Matches` within classes.
        lowest_confidence: Detections below it are left out.

    Returns:
        Int64 array `(num_classes + 1, num_classes + 1)`: rows are true, columns
        predicted, both in the order of classes with background last. Row sums without
        the last row are the objects to be found.

    Raises:
        ValueError: when `matches` went across classes, or the confidence is nan.
    """
    if matches.across_classes or not lowest_confidence == lowest_confidence:
        raise ValueError(
            "`matches` must be within classes, `lowest_confidence` a number. Received: "
            f"across_classes={matches.across_classes}, "
            f"lowest_confidence={lowest_confidence}"
        )
    background = matches.num_classes
    counts = np.zeros((background + 1, background + 1), "int64")
    kept = matches.confidence >= lowest_confidence
    right = kept & matches.claims & ~matches.on_difficult
    missed = ~matches.difficult
    missed[matches.matched[right]] = False
    found = matches.detections.classes[right]
    np.add.at(counts, (found, found), 1)

    wrong = np.flatnonzero(kept & ~matches.claims & ~matches.on_difficult)
    detections, objects = (
        matches.detections.select(wrong),
        matches.objects.select(missed),
    )
    candidates, ious = most_overlapping(
        detections, objects, matches.num_classes, across_classes=True
    )
    candidates[~(ious > matches.iou_threshold)] = -1
    # A second detection of its own class is a duplicate, which overlaps this one, too.
    near = np.flatnonzero(candidates >= 0)
    same = objects.classes[candidates[near]] == detections.classes[near]
    candidates[near[same]] = -1
    taken = most_confident(candidates, matches.confidence[wrong])
    pairs = objects.classes[candidates[taken]], detections.classes[taken]
    np.add.at(counts, pairs, 1)
    np.add.at(counts, (background, detections.classes[~taken]), 1)
    left = np.ones(len(objects.classes), "bool")
    left[candidates[taken]] = False
    np.add.at(counts, (objects.classes[left], background), 1)
    return counts
