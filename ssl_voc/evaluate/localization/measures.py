"""Measures of a localizer on photos, of all together and by group."""

import dataclasses

import numpy as np

from pipelines import Photos, main_object
from pipelines.photos import object_sizes
from ssl_voc.evaluate.records import coco_rows, objects_of
from ssl_voc.metrics import bootstrap_interval, measure_images

NUM_RESAMPLES = 10_000
# Groups are many: their intervals bear a little more noise.
NUM_GROUP_RESAMPLES = 2_000

LABELS = {
    "top1": "top-1",
    "top3": "top-3",
    "mean_iou": "mean IoU",
    "loc_acc_50": "LocAcc@0.5",
    "loc_acc_70": "LocAcc@0.7",
    "corloc": "CorLoc",
}
PROTOCOLS = {
    "target": "the largest object of a photo that is not difficult, of the classes "
    "that the model knows; photos without one are left out",
    "top1": "share of photos whose target's class scores highest, ties not counted",
    "top3": "share of photos whose target's class is among the 3 highest scores",
    "mean_iou": "mean over photos of the IoU of predicted and target box, in pixels of "
    "the original photo, the prediction clipped to it, whatever its class",
    "loc_acc_50": "share of photos with that IoU above 0.5 (strictly)",
    "loc_acc_70": "share of photos with that IoU above 0.7 (strictly)",
    "corloc": "share of photos whose predicted box has IoU above 0.5 with any object "
    "of the photo, whatever the class, difficult ones included",
    "ci": f"95 % percentile bootstrap over photos, {NUM_RESAMPLES:,} resamples, "
    f"{NUM_GROUP_RESAMPLES:,} within groups",
    "per_size": f"target by {object_sizes.PROTOCOL}",
    "blind": "the one box that is right for most of the photos that were learned from "
    "(in shares of the photo), and the model on gray pictures of the photos' sizes; "
    "gains photo by photo",
    "baseline": "needs no training: always the majority class(es) of these "
    "photos, and the whole photo as box",
}
TRUNCATION = ("truncated", "whole")


@dataclasses.dataclass(frozen=True)
class Localizations:
    """What a model predicted for photos, beside what is there.

    Attributes:
        photos: `pipelines.Photos`, each with a main object and its true size.
        class_names: Tuple of names, in the order of the scores.
        classes_true: int64 array `(num_photos,)`, classes of the main objects.
        boxes_true: float64 array `(num_photos, 4)`, xyxy in pixels of the photos.
        scores: float64 array `(num_photos, num_classes)`.
        boxes_pred: float64 array `(num_photos, 4)`, xyxy in pixels of the photos.
        measures: Dictionary of float64 arrays `(num_photos,)`, see `measure_images`.
    """

    photos: Photos
    class_names: tuple[str, ...]
    classes_true: np.ndarray
    boxes_true: np.ndarray
    scores: np.ndarray
    boxes_pred: np.ndarray
    measures: dict[str, np.ndarray]

    def __len__(self):
        return len(self.photos)

    @property
    def classes_pred(self):
        """The classes that score highest, `(num_photos,)`."""
        return np.argmax(self.scores, axis=1)

    @property
    def confidences(self):
        """The highest scores, `(num_photos,)`."""
        return np.max(self.scores, axis=1)

    @property
    def sizes(self):
        """`"small"`, `"medium"` or `"large"`: the target in its photo."""
        return [
            object_sizes.object_size(main.area, photo.width * photo.height)
            for photo, main in zip(self.photos, _targets(self.photos), strict=True)
        ]

    @property
    def truncation(self):
        """For each target one of `TRUNCATION`."""
        return [TRUNCATION[not main.truncated] for main in _targets(self.photos)]


def measure_localizations(photos, class_names, scores, boxes_pred):
    """Compares predictions with the main objects of photos.

    Args:
        photos: `pipelines.Photos` of true sizes, each with a main object and objects
            of `class_names` only, such as those of a `pipelines.Pool`.
        class_names: Names of the classes, in the order of the scores.
        scores: Array `(num_photos, num_classes)`.
        boxes_pred: Array `(num_photos, 4)`, xyxy in pixels of the photos, inside them.

    Returns:
        `Localizations`.
    """
    class_names = tuple(class_names)
    boxes_pred = np.asarray(boxes_pred, "float64")
    targets = _targets(photos)
    classes_true = np.array([class_names.index(item.name) for item in targets], "int64")
    boxes_true = np.array([item.box for item in targets], "float64").reshape(-1, 4)
    scores = np.asarray(scores, "float64")
    objects = objects_of(photos, class_names)
    measures = measure_images(
        classes_true,
        boxes_true,
        scores,
        boxes_pred,
        objects["boxes"],
        objects["classes"],
    )
    return Localizations(
        photos, class_names, classes_true, boxes_true, scores, boxes_pred, measures
    )


def summarize(found, seed=0):
    """The measures of `metrics.json` that follow from the predictions alone.

    Args:
        found: `Localizations`.
        seed: Seed of the bootstrap.

    Returns:
        Dictionary of each measure and its interval `NAME_ci`; `"num_images"`; the same
        for each group in `"per_class"`, `"per_size"` and `"truncated"`; `"baseline"`
        and `"protocol"`.
    """
    names = np.array(found.class_names)[found.classes_true]
    shown = {*found.measures, "target", "ci", "per_size", "blind", "baseline"}
    return {
        **_means_with_intervals(found.measures, seed, NUM_RESAMPLES),
        "per_class": _by_group(found.measures, names, found.class_names, seed),
        "per_size": _by_group(found.measures, found.sizes, object_sizes.SIZES, seed),
        "truncated": _by_group(found.measures, found.truncation, TRUNCATION, seed),
        "baseline": _baseline(found),
        "protocol": {key: text for key, text in PROTOCOLS.items() if key in shown},
    }


def count_confusions(found):
    """Integer array `(num_classes, num_classes)`: rows true, columns predicted."""
    counts = np.zeros((len(found.class_names),) * 2, "int64")
    np.add.at(counts, (found.classes_true, found.classes_pred), 1)
    return counts


def coco_results(found):
    """Rows of `predictions.json`: one box a photo."""
    scores = np.array([round(float(score), 6) for score in found.confidences])
    columns = np.arange(len(found)), found.classes_pred, found.boxes_pred, scores
    return coco_rows(found.photos, found.class_names, *columns)


def image_rows(found):
    """Rows of `images.jsonl`: what is true, predicted and measured of each photo."""
    names = found.class_names
    sizes, truncation = found.sizes, found.truncation
    return [
        {
            "image_id": photo.image_id,
            "source": photo.source,
            "class": names[found.classes_true[row]],
            "predicted_class": names[found.classes_pred[row]],
            "score": found.confidences[row],
            "box": np.round(found.boxes_true[row], 2),
            "predicted_box": np.round(found.boxes_pred[row], 2),
            "size": sizes[row],
            "truncated": truncation[row] == TRUNCATION[0],
            **{name: values[row] for name, values in found.measures.items()},
        }
        for row, photo in enumerate(found.photos)
    ]


def _means_with_intervals(measures, seed, num_resamples):
    """Mean and interval of each measure, and the number of photos."""
    metrics = {"num_images": len(next(iter(measures.values())))}
    for name, values in measures.items():
        found = bootstrap_interval(values, num_resamples=num_resamples, seed=seed)
        metrics[name] = found.mean
        metrics[f"{name}_ci"] = [found.low, found.high]
    return metrics


def _by_group(measures, groups, names, seed):
    """`_means_with_intervals` of each group, those without a photo included."""
    groups = np.asarray(groups)
    return {
        name: _means_with_intervals(
            {key: values[groups == name] for key, values in measures.items()},
            seed,
            NUM_GROUP_RESAMPLES,
        )
        for name in names
    }


def _baseline(found):
    """What each measure is without training, see `PROTOCOLS`."""
    sizes = [(0.0, 0.0, photo.width, photo.height) for photo in found.photos]
    shares = np.bincount(found.classes_true, minlength=len(found.class_names))
    shares = np.sort(shares / len(found))[::-1]
    objects = objects_of(found.photos, found.class_names)
    whole = measure_images(
        found.classes_true,
        found.boxes_true,
        found.scores,
        np.array(sizes),
        objects["boxes"],
        objects["classes"],
    )
    metrics = {name: float(np.nanmean(values)) for name, values in whole.items()}
    return {
        name: float(shares[: int(name[3:])].sum()) if name.startswith("top") else value
        for name, value in metrics.items()
    }


def _targets(photos):
    return [main_object(photo.objects) for photo in photos]
