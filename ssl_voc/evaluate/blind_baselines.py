"""Baselines that do not see the photo: gray pictures, and boxes from annotations."""

import numpy as np

from pipelines.images.letterboxing import PADDING, letterboxed_size
from ssl_voc.boxes import box_ious

GRAY = 128
_BATCH_SIZE = 32  # of gray pictures
# More objects would not change the layout, only take longer.
_MOST_OBJECTS = 2_000
_IOU_THRESHOLD = 0.5


def predict_gray(model, sizes, side):
    """What a model predicts for gray pictures of the photos' sizes, letterboxed.

    What it finds there it knows without looking: where objects usually are.

    Args:
        model: Keras model of boxes.
        sizes: Heights and widths of the photos, integers `(n, 2)`.
        side: Side of the letterboxed squares in pixels.

    Returns:
        What `model.predict` gives, a dictionary of arrays `(n, ...)`.
    """
    shapes, rows = np.unique(
        letterboxed_size(np.asarray(sizes), side), axis=0, return_inverse=True
    )
    pictures = np.full((len(shapes), side, side, 3), PADDING, "uint8")
    for picture, (height, width) in zip(pictures, shapes, strict=True):
        picture[:height, :width] = GRAY
    predicted = model.predict(pictures, batch_size=_BATCH_SIZE, verbose=0)
    return {name: values[rows.ravel()] for name, values in predicted.items()}


def frequent_layout(photos, class_names, num_boxes, seed=0):
    """The boxes that find most objects when every photo is answered alike.

    Chosen greedily among the objects' own boxes, in shares of their photos: each next
    one is in the most photos on an object (IoU above 0.5) of its class that none before
    found there. That share of the photos is its confidence.

    Args:
        photos: `pipelines.Photos` that were trained on, see `usable_photos`.
        class_names: Names of the classes, in the order of their indices.
        num_boxes: Number of boxes, at most.
        seed: Seed of the sample where there are very many objects.

    Returns:
        Dictionary of `"boxes"` `(k, 4)`, xyxy in shares of the photo, `"classes"`
        `(k,)` and `"confidence"` `(k,)`, descending.
    """
    rows = [
        (
            number,
            class_names.index(item.name),
            np.divide(item.box, [photo.width, photo.height] * 2),
        )
        for number, photo in enumerate(photos)
        for item in photo.objects
        if item.name in class_names and not item.difficult
    ]
    if len(rows) > _MOST_OBJECTS:
        random = np.random.default_rng(seed)
        rows = [rows[i] for i in random.choice(len(rows), _MOST_OBJECTS, replace=False)]
    images = np.array([row[0] for row in rows], "int64")
    classes = np.array([row[1] for row in rows], "int64")
    boxes = np.array([row[2] for row in rows], "float64").reshape(-1, 4)
    hits = classes[:, None] == classes
    for start in range(0, len(rows), 100):  # a matrix of all takes gigabytes
        part = slice(start, start + 100)
        hits[part] &= box_ious(boxes[part, None], boxes) > _IOU_THRESHOLD
    # Objects of a photo side by side; `starts` are the first ones.
    order = np.argsort(images, kind="stable")
    _, starts = np.unique(images[order], return_index=True)
    open_ones = np.ones(len(rows), "bool")
    chosen, shares = [], []
    for _ in range(min(num_boxes, len(rows))):
        is_new = (hits & open_ones)[:, order]
        finds = np.logical_or.reduceat(is_new, starts, axis=1).sum(axis=1)
        best = int(np.argmax(finds))
        if not finds[best]:
            break
        chosen.append(best)
        shares.append(finds[best] / max(len(photos), 1))
        open_ones &= ~_first_of_each_photo(hits[best] & open_ones, images)
    return {
        "boxes": boxes[chosen],
        "classes": classes[chosen],
        "confidence": np.array(shares),
    }


def answer_alike(layout, sizes):
    """A layout as the answer to every photo, in pixels of the photos.

    Args:
        layout: What `frequent_layout` returns.
        sizes: Heights and widths of the photos, `(n, 2)`.

    Returns:
        Dictionary of arrays `"boxes"` `(n, k, 4)`, `"classes"` and `"confidence"`
        `(n, k)`.
    """
    height, width = np.asarray(sizes, "float64").T
    ends = np.stack([width, height, width, height], axis=-1)
    repeated = {
        name: np.repeat(layout[name][None], len(ends), axis=0)
        for name in ("classes", "confidence")
    }
    return {"boxes": layout["boxes"] * ends[:, None], **repeated}


def _first_of_each_photo(hits, images):
    """Of the hits `(num_objects,)` the first of each photo: a box finds one object."""
    first = np.zeros(len(hits), "bool")
    rows = np.flatnonzero(hits)
    first[rows[np.unique(images[rows], return_index=True)[1]]] = True
    return first
