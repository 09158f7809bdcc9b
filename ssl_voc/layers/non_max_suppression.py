"""Non-maximum suppression, class by class."""

from keras import ops

from ssl_voc import boxes

# Candidates of an image that are compared with one another: at least, and for each
# detection that may be given. About ten points learn an object.
_MIN_CANDIDATES, _CANDIDATES_PER_DETECTION = 400, 4


def suppress_non_maxima(
    boxes_pred, scores, iou_threshold=0.5, score_threshold=0.0, max_detections=100
):
    """Greedy non-maximum suppression within each class.

    The pairs of box and class that score highest are the candidates, four for each
    detection that may be given and at least 400 of an image; from the best on,
    each one that is kept suppresses those of its class that overlap it by more than
    the threshold. Nothing but tensor operations of fixed shapes, so it runs on every
    backend, under XLA and in a SavedModel.

    The greedy choice is found as a fixed point: a candidate is kept when no better kept
    one overlaps it. Every round settles at least one more candidate of a chain of
    overlaps, so the rounds are as many as the longest chain, in practice a few.

    Args:
        boxes_pred: Float tensor `(batch, num_boxes, 4)`, xyxy.
        scores: Float tensor `(batch, num_boxes, num_classes)`.
        iou_threshold: IoU above which two boxes of a class are the same object.
        score_threshold: Score from which a box is a candidate.
        max_detections: Number of detections that each image is padded or cut to. Of
            crowded images, 300 finds more than 100 also by its candidates.

    Returns:
        Dictionary of `"boxes"` `(batch, max_detections, 4)`, `"confidence"`
        `(batch, max_detections)`, descending, both float32, `"classes"`
        `(batch, max_detections)` and `"num_detections"` `(batch,)`, int32. What is
        padded is -1.
    """
    num_boxes, num_classes = scores.shape[1:]
    num_candidates = max(_MIN_CANDIDATES, _CANDIDATES_PER_DETECTION * max_detections)
    num_candidates = min(num_candidates, num_boxes * num_classes)
    flat = ops.reshape(ops.cast(scores, "float32"), (-1, num_boxes * num_classes))
    best, index = ops.top_k(flat, num_candidates)
    classes = index % num_classes
    corners = ops.take_along_axis(
        ops.cast(boxes_pred, "float32"), (index // num_classes)[..., None], axis=1
    )
    kept = _keep_maxima(corners, classes, best >= score_threshold, iou_threshold)

    # Those kept come first, in their order: top_k takes the lower index among equals.
    num_slots = min(max_detections, num_candidates)
    ranks = ops.where(kept, best, -1.0)
    confidence, chosen = ops.top_k(ranks, num_slots)
    exists = ops.take_along_axis(kept, chosen, axis=1)
    corners = ops.take_along_axis(corners, chosen[..., None], axis=1)
    found = {
        "boxes": ops.where(exists[..., None], corners, -1.0),
        "confidence": ops.where(exists, confidence, -1.0),
        "classes": ops.where(
            exists, ops.cast(ops.take_along_axis(classes, chosen, axis=1), "int32"), -1
        ),
    }
    missing = max_detections - num_slots
    if missing:
        found = {
            name: ops.pad(
                values,
                [(0, 0), (0, missing)] + [(0, 0)] * (len(values.shape) - 2),
                constant_values=-1,
            )
            for name, values in found.items()
        }
    num_found = ops.sum(ops.cast(exists, "int32"), axis=1)
    return {**found, "num_detections": num_found}


def _keep_maxima(corners, classes, usable, iou_threshold):
    """Bool tensor `(batch, k)`: which candidates, best first, greedy choice keeps."""
    number = corners.shape[1]
    overlaps = boxes.pairwise_iou(corners, corners) > iou_threshold
    same_class = classes[:, :, None] == classes[:, None, :]
    better = ops.arange(number)[None, :] < ops.arange(number)[:, None]
    suppresses = ops.logical_and(ops.logical_and(overlaps, same_class), better[None])
    suppresses = ops.cast(suppresses, "float32")  # (batch, k, k): column does row

    def choose(kept):
        suppressors = ops.matmul(suppresses, ops.cast(kept, "float32")[..., None])
        return ops.logical_and(usable, suppressors[..., 0] < 0.5)

    def unsettled(kept, before, rounds):
        return ops.any(ops.logical_xor(kept, before))

    def settle(kept, before, rounds):
        return choose(kept), kept, rounds + 1

    start = (choose(usable), usable, ops.convert_to_tensor(0, "int32"))
    return ops.while_loop(unsettled, settle, start, maximum_iterations=number)[0]
