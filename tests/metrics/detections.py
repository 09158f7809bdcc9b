"""Generated photos, objects and detections for the tests of detection metrics."""

import numpy as np


def generate(seed, num_images=12, num_classes=4, objects=5, detections=14, side=40):
    """Few coordinates and few confidences, so that overlaps and ranks tie often.

    Some images have no object, some no detection; the last class but one has no object,
    about a quarter of all are difficult, and most detections repeat an object.

    Returns:
        Predictions and truth, as `match_detections` takes them.
    """
    random = np.random.default_rng(seed)
    classes = random.integers(0, num_classes, (num_images, objects))
    classes[classes == num_classes - 2] = 0
    classes[random.random(classes.shape) < 0.3] = -1
    classes[random.random(num_images) < 0.15] = -1
    boxes = draw_boxes(random, classes.shape, side)
    chosen = random.integers(0, objects, (num_images, detections))
    found = np.take_along_axis(boxes, chosen[..., None], axis=1)
    found = found + random.integers(-2, 3, found.shape)
    found[..., 2:] = np.maximum(found[..., 2:], found[..., :2] + 1)
    labels = np.take_along_axis(classes, chosen, axis=1)
    other = random.integers(0, num_classes, labels.shape)
    labels = np.where(random.random(labels.shape) < 0.3, other, labels)
    labels[random.random(labels.shape) < 0.2] = -1
    labels[random.random(num_images) < 0.15] = -1
    confidence = random.integers(1, 8, labels.shape) / 8
    predictions = {
        "boxes": found.astype("float32"),
        "classes": labels,
        "confidence": np.where(labels < 0, -1, confidence).astype("float32"),
    }
    difficult = random.random(classes.shape) < 0.25
    return predictions, {
        "boxes": boxes.astype("float32"),
        "classes": classes,
        "difficult": difficult,
    }


def draw_boxes(random, shape, side):
    """Whole-numbered xyxy boxes with sides from 6 to 16 inside a square photo."""
    starts = random.integers(0, side - 16, (*shape, 2))
    return np.concatenate([starts, starts + random.integers(6, 17, (*shape, 2))], -1)


def part(side, images):
    """The given images of predictions or truth."""
    return {name: values[images] for name, values in side.items()}


def one_class(confidence, hits, num_objects):
    """One photo of class 0 with detections that find, or miss, objects side by side.

    Args:
        confidence: Of each detection.
        hits: Index of the object that each detection frames exactly, -1 for none.
        num_objects: Number of objects.
    """
    objects = np.array([[20 * i, 0, 20 * i + 10, 10] for i in range(num_objects)])
    nowhere = np.array([0, 500, 10, 510])
    found = [objects[hit] if hit >= 0 else nowhere for hit in hits]
    predictions = {
        "boxes": np.array([found], "float32").reshape(1, -1, 4),
        "classes": np.zeros((1, len(hits)), int),
        "confidence": np.array([confidence], "float32"),
    }
    return predictions, {
        "boxes": objects[None].astype("float32"),
        "classes": np.zeros((1, num_objects), int),
    }
