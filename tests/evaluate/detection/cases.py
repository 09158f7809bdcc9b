"""Photos and detections without any model, for tests of what is made of them."""

import numpy as np

from pipelines.photos.photo import Object, Photos
from ssl_voc.evaluate.detection.matching import measure_detections
from tests import photos_in_memory

NAMES = ("cat", "dog", "hen")
WIDTH, HEIGHT = 100, 80


def build_photo(number, *objects):
    """A plain photo of 100 x 80 pixels with the given `Object`s."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), "uint8")
    return photos_in_memory.build_photo(f"p{number}", pixels, *objects)


def measure(photos, detections, names=NAMES):
    """`Detections` of rows (class, confidence, box) for each photo."""
    most = max(map(len, detections))
    predicted = {
        "boxes": np.full((len(photos), most, 4), -1.0),
        "classes": np.full((len(photos), most), -1),
        "confidence": np.full((len(photos), most), -1.0),
    }
    for row, items in enumerate(detections):
        for place, (label, confidence, box) in enumerate(items):
            predicted["boxes"][row, place] = box
            predicted["classes"][row, place] = label
            predicted["confidence"][row, place] = confidence
    return measure_detections(Photos(photos, "set"), names, predicted)


def random_case(num_photos=60, seed=0, names=NAMES):
    """Some objects are missed, difficult, found twice or with another class."""
    random = np.random.default_rng(seed)
    photos, detections = [], []
    for number in range(num_photos):
        objects, rows = [], []
        for _ in range(random.integers(0, 4)):
            start = random.uniform(0, 50, 2)
            box = np.array([*start, *(start + random.uniform(2, 30, 2))])
            label = int(random.integers(2))  # no hen
            difficult = bool(random.random() < 0.2)
            objects.append(Object(names[label], (*box,), difficult))
            for _ in range(random.integers(0, 3)):
                taken = label if random.random() < 0.8 else random.integers(3)
                moved = np.clip(box + random.normal(0, 2, 4), 0, [WIDTH, HEIGHT] * 2)
                # Two decimals, so that some are equal.
                rows.append((taken, round(random.uniform(0.1, 1), 2), moved))
        if random.random() < 0.5:
            rows.append(
                (random.integers(3), round(random.random(), 2), (60, 60, 99, 79))
            )
        photos.append(build_photo(number, *objects))
        detections.append(rows)
    return measure(photos, detections, names)
