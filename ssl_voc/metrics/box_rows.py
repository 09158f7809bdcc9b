"""Rows of the boxes in padded arrays, checked."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class BoxRows:
    """The boxes of all images, one a row, without padding.

    Rows ascend by image, then by place within it: the order that breaks ties.

    Attributes:
        boxes: Float64 array `(num_boxes, 4)`, xyxy.
        classes: Int64 array `(num_boxes,)`, 0 or above.
        images: Int64 array `(num_boxes,)`: index of the image.
        places: Int64 array `(num_boxes,)`: column of the padded arrays.
        shape: Number of images and width of the padded arrays.
    """

    boxes: np.ndarray
    classes: np.ndarray
    images: np.ndarray
    places: np.ndarray
    shape: tuple

    @property
    def num_images(self):
        """Number of images, those without boxes included."""
        return self.shape[0]

    def select(self, rows):
        """The chosen rows alone, a mask or ascending indices, as `BoxRows`."""
        columns = (self.boxes, self.classes, self.images, self.places)
        return BoxRows(*(column[rows] for column in columns), self.shape)

    def pick(self, values, name):
        """The rows' entries of a padded array, such as confidence or a mask.

        Args:
            values: Array of shape `shape`.
            name: What an error calls it.

        Returns:
            Array `(num_boxes,)`.
        """
        values = np.asarray(values)
        if values.shape != self.shape:
            raise ValueError(
                f"`{name}` needs an entry for every box, padding included: shape "
                f"{self.shape}. Received: shape {values.shape}"
            )
        return values[self.images, self.places]


def rows_of_boxes(boxes, name):
    """Reads KerasCV's dictionary of boxes, dense and padded with class -1.

    Args:
        boxes: Dictionary with `"boxes"` `(num_images, max_boxes, 4)`, xyxy, and
            `"classes"` `(num_images, max_boxes)`, below 0 where padded.
        name: What an error calls the dictionary.

    Returns:
        `BoxRows`.

    Raises:
        ValueError: when a key is missing, shapes do not agree, or a class or a corner
            of a box that is no padding is not a finite number.
    """
    corners = np.asarray(_part(boxes, "boxes", name))
    classes = np.asarray(_part(boxes, "classes", name))
    if corners.ndim != 3 or corners.shape[2] != 4 or classes.shape != corners.shape[:2]:
        raise ValueError(
            f'`{name}` must have "boxes" (num_images, max_boxes, 4) and "classes" '
            "(num_images, max_boxes); pad images that have fewer. Received shapes: "
            f"{corners.shape} and {classes.shape}"
        )
    # Before padding is told: a class that is nan is not below 0 and not above.
    whole = np.isfinite(classes)
    whole &= np.where(whole, classes, 0) == np.floor(np.where(whole, classes, 0))
    if not np.all(whole):
        raise ValueError(
            f'`{name}["classes"]` must be whole numbers, -1 where padded. Received: '
            f"{classes[~whole][0]} in image {np.nonzero(~whole)[0][0]}"
        )
    images, places = np.nonzero(classes >= 0)
    rows = BoxRows(
        corners[images, places].astype("float64"),
        classes[images, places].astype("int64"),
        images,
        places,
        classes.shape,
    )
    _check_finite(rows, rows.boxes, f'{name}["boxes"]')
    return rows


def rows_of_sides(predictions, ground_truth, num_classes=None):
    """Reads predictions and truth of the same images.

    Args:
        predictions: See `match_detections`.
        ground_truth: See `match_detections`.
        num_classes: See `match_detections`.

    Returns:
        `BoxRows` of the predictions and their confidence, float64; `BoxRows` of the
        truth and which of them are difficult, bool; and the number of classes.

    Raises:
        ValueError: see `match_detections`.
    """
    detections = rows_of_boxes(predictions, "predictions")
    objects = rows_of_boxes(ground_truth, "ground_truth")
    if detections.num_images != objects.num_images:
        raise ValueError(
            "Predictions and truth must be of the same images, in the same order. "
            f"Received: predictions of {detections.num_images} images, truth of "
            f"{objects.num_images}"
        )
    highest = max(int(rows.classes.max(initial=-1)) for rows in (detections, objects))
    num_classes = highest + 1 if num_classes is None else int(num_classes)
    if highest >= num_classes:
        raise ValueError(
            f"Classes must lie in [0, num_classes). Received: class {highest}, "
            f"num_classes={num_classes}"
        )
    name = 'predictions["confidence"]'
    values = _part(predictions, "confidence", "predictions")
    confidence = detections.pick(values, name).astype("float64")
    _check_finite(detections, confidence, name)
    difficult = np.zeros(len(objects.classes), "bool")
    if ground_truth.get("difficult") is not None:
        marks = ground_truth["difficult"]
        difficult = objects.pick(marks, 'ground_truth["difficult"]').astype("bool")
    return detections, confidence, objects, difficult, num_classes


def _part(boxes, key, name):
    """An entry of a dictionary of boxes, or an error that says what there is."""
    if key not in boxes:
        raise ValueError(
            f'`{name}` needs the key "{key}". Received: keys {sorted(boxes)}'
        )
    return boxes[key]


def _check_finite(rows, values, name):
    """Raises where a number of a row is nan or infinite: it would rank anywhere."""
    finite = np.isfinite(values)
    finite = finite.all(axis=1) if finite.ndim > 1 else finite
    if not np.all(finite):
        at = np.flatnonzero(~finite)[0]
        raise ValueError(
            f"`{name}` must be finite wherever the class is no padding. Received: "
            f"{values[at]} in image {rows.images[at]}, place {rows.places[at]}; "
            f"{np.sum(~finite)} such boxes in all"
        )
