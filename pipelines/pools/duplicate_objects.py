"""Objects that an annotation holds twice."""

import numpy as np

# Two objects of one class hardly ever cover each other as closely as one object does
# that was drawn or exported twice.
LEAST_IOU = 0.95


def without_repeated(objects) -> tuple[list, list]:
    """Parts objects from those that repeat one before them.

    An object repeats another of its class if their boxes are equal, or overlap by an
    IoU above 0.95. Of two, the one that is not difficult is kept, else the first.

    Returns:
        `(kept, repeated)`, lists in the given order.
    """
    boxes = np.array([item.box for item in objects], "float64").reshape(-1, 4)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    is_kept = np.zeros(len(objects), "bool")
    names = np.array([item.name for item in objects])
    for index in sorted(range(len(objects)), key=lambda i: objects[i].difficult):
        rows = np.flatnonzero(is_kept & (names == objects[index].name))
        starts = np.maximum(boxes[rows, :2], boxes[index, :2])
        ends = np.minimum(boxes[rows, 2:], boxes[index, 2:])
        shared = np.prod(np.maximum(ends - starts, 0.0), axis=1)
        unions = areas[rows] + areas[index] - shared
        is_kept[index] = not np.any(shared > LEAST_IOU * unions)
    kept = [item for item, is_own in zip(objects, is_kept, strict=True) if is_own]
    repeated = [
        item for item, is_own in zip(objects, is_kept, strict=True) if not is_own
    ]
    return kept, repeated
