"""Weighted boxes fusion: one set of detections from several of the same photo."""

import numpy as np

from ssl_voc.boxes import box_ious

# That of the paper.
IOU_THRESHOLD = 0.55


def fuse_boxes(boxes, scores, classes, num_views, iou_threshold=IOU_THRESHOLD):
    """Weighted boxes fusion of the detections of several views of one photo.

    By descending score, each detection joins the fused box of its class that it
    overlaps most, if by more than the threshold, else it begins one. A fused box is the
    mean of its detections weighted by score; its score is their mean score, times the
    share of the views that have found it, at most 1: what one view of four sees is
    worth a quarter.

    Args:
        boxes: Array `(n, 4)`, xyxy in any unit.
        scores: Array `(n,)`, positive.
        classes: Integer array `(n,)`.
        num_views: Number of views that were asked, at least 1.
        iou_threshold: IoU above which two boxes are of one object.

    Returns:
        Tuple of arrays, descending by score: boxes float64 `(k, 4)`, scores float64
        `(k,)` and classes int64 `(k,)`.

    Reference:
        - [Solovyev et al., 2019](https://arxiv.org/abs/1910.13302), section 3
    """
    boxes, scores = np.asarray(boxes, "float64"), np.asarray(scores, "float64")
    classes = np.asarray(classes, "int64")
    fused = np.zeros((len(boxes), 4))
    sums = np.zeros((len(boxes), 4))  # of boxes times scores
    weights, counts = np.zeros(len(boxes)), np.zeros(len(boxes))
    labels = np.full(len(boxes), -1)
    number = 0
    for row in np.argsort(-scores, kind="stable"):
        overlaps = box_ious(boxes[row], fused[:number])
        overlaps[labels[:number] != classes[row]] = 0.0
        place = int(np.argmax(overlaps)) if number else 0
        if not number or overlaps[place] <= iou_threshold:
            place, number = number, number + 1
            labels[place] = classes[row]
        sums[place] += scores[row] * boxes[row]
        weights[place] += scores[row]
        counts[place] += 1
        fused[place] = sums[place] / weights[place]
    means = weights[:number] / np.maximum(counts[:number], 1)
    means *= np.minimum(counts[:number], num_views) / num_views
    order = np.argsort(-means, kind="stable")
    return fused[order], means[order], labels[order]
