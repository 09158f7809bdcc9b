"""Measures of a detector on photos: AP, intervals, classes and sizes."""

import dataclasses

import numpy as np

from pipelines.photos import object_sizes
from ssl_voc.evaluate.detection.matching import MISTAKES
from ssl_voc.evaluate.detection.outcomes import (
    Counts,
    choose_confidence,
    corloc_of_photos,
    count_outcomes,
)
from ssl_voc.metrics import (
    average_precision_by_group,
    bootstrap_average_precision,
    bootstrap_interval,
    coco_average_precision,
    score_matches,
)
from ssl_voc.metrics.average_precision import PROTOCOLS as VOC_PROTOCOLS
from ssl_voc.metrics.bootstrap import central_limits, ratio, resample
from ssl_voc.predict.config import DETECTOR_THRESHOLD

NUM_RESAMPLES = 2_000

LABELS = {
    "voc07_ap50": "VOC07 AP50",
    "voc10_ap50": "VOC10 AP50",
    "coco_ap": "COCO AP",
    "coco_ap50": "COCO AP50",
    "coco_ap75": "COCO AP75",
    "corloc": "CorLoc",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
}
COCO_SIZES = "pixels of the photo: small below 32 x 32, large above 96 x 96"
# Shown apart: they are of one threshold.
AT_THRESHOLD = ("precision", "recall", "f1")
PROTOCOLS = {
    "boxes": "pixels of the original photo, predictions clipped to it; photos without "
    "objects count, what is detected there is false",
    "voc07_ap50": "mean over classes with objects of the 11-point average precision of "
    "Pascal VOC 2007: IoU above 0.5 (strictly), a second box on an object is false, "
    "difficult objects and what is detected on them count neither way",
    "voc10_ap50": "the same by the area under the monotone envelope, as from VOC 2010",
    "coco_ap": "COCO: mean over IoU 0.50, 0.55, ..., 0.95, over classes, 101 recalls, "
    "100 detections of a photo and class at most; difficult objects ignored, by "
    "faster-coco-eval",
    "coco_ap50": "the same at IoU 0.50 (from it on)",
    "coco_ap75": "the same at IoU 0.75",
    "corloc": "share of the photos with objects whose most confident box has IoU above "
    "0.5 with any object, whatever the class, difficult ones included",
    "blind": "VOC10 AP50 of answers that do not see the photo: the same boxes for "
    "every photo, chosen greedily to find most objects of the training photos, as many "
    "as the detector gives; and what it finds in gray pictures of the photos' sizes. "
    "Gains are of the same resamples",
    "threshold": "precision, recall and F1 by VOC's rule at the one confidence that "
    "gives the highest F1 over all classes; it was CHOSEN ON THESE PHOTOS, so the "
    "three are a little better than on others",
    "at_default": "the same three at the confidence from which on predict gives "
    "detections by default, chosen on no photos",
    "mistakes": "detections from the chosen confidence on that are wrong, in this "
    "order, as TIDE has them: wrong class (IoU above 0.5 with an object of another "
    "class), duplicate (a second box on an object that is found), poor location (IoU "
    "0.1 to 0.5 with an object of its class), background (below 0.1); missed: objects "
    "that no detection is right for",
    "ci": f"95 % percentile bootstrap over photos, {NUM_RESAMPLES:,} resamples (CorLoc "
    "10,000), the threshold kept",
    "per_size": f"object by {object_sizes.PROTOCOL}; a detection of nothing counts by "
    "the size of its own box",
    "per_size_coco": f"object by area in {COCO_SIZES}",
}


def summarize(found, seed=0):
    """The measures of `metrics.json` that follow from the predictions alone.

    Args:
        found: `ssl_voc.evaluate.detection.matching.Detections`.
        seed: Seed of the bootstrap.

    Returns:
        Dictionary of each measure of `LABELS` and, where a bootstrap is cheap, its
        interval `NAME_ci`; counts `num_...`; `"threshold"`; `"mistakes"` at it by kind;
        precision, recall and F1 `"at_default"`, that of `predict`;
        `"per_class"`, `"per_size"` and `"per_size_coco"`; and `"protocol"`.
    """
    averages = {
        f"{name}_ap50": score_matches(found.matches, name) for name in VOC_PROTOCOLS
    }
    coco = coco_average_precision(
        found.predictions, found.ground_truth, len(found.class_names)
    )
    threshold = choose_confidence(found)
    counts = count_outcomes(found, threshold)
    total = counts.sum()
    limits = _limits(found, seed) | _limits_of_rates(counts, seed)
    corloc = bootstrap_interval(corloc_of_photos(found), seed=seed)
    metrics = {
        **count_all(found),
        **{name: average.mean for name, average in averages.items()},
        **{key: value for key, value in coco.items() if np.ndim(value) == 0},
        "corloc": corloc.mean,
        "threshold": threshold,
        **total.rates(),
    }
    metrics |= {f"{name}_ci": values[:, 0] for name, values in limits.items()}
    metrics["corloc_ci"] = [corloc.low, corloc.high]
    kept = found.mistakes[found.is_kept(threshold)]
    metrics["mistakes"] = {
        **{kind: int((kept == kind).sum()) for kind in MISTAKES},
        "missed": int(total.wanted - total.true),
    }
    metrics["at_default"] = _at_default(found, seed)
    metrics["per_class"] = _by_class(found, averages, coco, counts, limits)
    metrics["per_size"] = _by_size(found, threshold)
    metrics["per_size_coco"] = {
        size: {name: coco[f"coco_{name}_{size}"] for name in ("ap", "ar")}
        for size in object_sizes.SIZES
    }
    metrics["protocol"] = PROTOCOLS
    return metrics


def count_all(found):
    """Numbers of photos, objects and detections, of `metrics.json`."""
    objects, detections = found.matches.objects, found.matches.detections
    with_objects = np.unique(objects.images)
    return {
        "num_images": len(found),
        "num_without_objects": len(found) - len(with_objects),
        "num_objects": int(found.is_wanted.sum()),
        "num_difficult": int((~found.is_wanted).sum()),
        "num_detections": len(detections.classes),
        "num_not_finite": int(found.not_finite.sum()),
    }


def _at_default(found, seed):
    counts = count_outcomes(found, DETECTOR_THRESHOLD)
    limits = _limits_of_rates(counts, seed)
    return {
        "threshold": DETECTOR_THRESHOLD,
        **counts.sum().rates(),
        **{f"{name}_ci": values[:, 0] for name, values in limits.items()},
    }


def _by_class(found, averages, coco, counts, limits):
    at_threshold = counts.sum(axis=0).rates()
    objects, detections = found.matches.objects, found.matches.detections
    rows = {}
    for number, name in enumerate(found.class_names):
        own = objects.classes == number
        row = {
            "num_images": len(np.unique(objects.images[own])),
            "num_objects": int((own & found.is_wanted).sum()),
            "num_difficult": int((own & ~found.is_wanted).sum()),
            "num_detections": int((detections.classes == number).sum()),
            **{key: average.per_class[number] for key, average in averages.items()},
            "coco_ap": coco["coco_ap_per_class"][number],
            "coco_ap50": coco["coco_ap50_per_class"][number],
            **{key: values[number] for key, values in at_threshold.items()},
        }
        row |= {f"{key}_ci": values[:, number + 1] for key, values in limits.items()}
        rows[name] = row
    return rows


def _by_size(found, threshold):
    matches = found.matches
    places = matches.objects.images, matches.objects.places
    sizes = np.full(matches.objects.shape, None, "object")
    sizes[places] = found.object_sizes
    own_sizes = np.full(matches.detections.shape, None, "object")
    own_sizes[matches.detections.images, matches.detections.places] = (
        found.detection_sizes
    )
    averages = {
        f"{name}_ap50": average_precision_by_group(matches, sizes, own_sizes, name)
        for name in VOC_PROTOCOLS
    }
    is_found = found.is_found(threshold)
    rows = {}
    for size in object_sizes.SIZES:
        wanted = (found.object_sizes == size) & found.is_wanted
        rows[size] = {
            "num_objects": int(wanted.sum()),
            **{
                name: groups[size].mean if size in groups else np.nan
                for name, groups in averages.items()
            },
            "recall": float(ratio(is_found[wanted].sum(), wanted.sum())),
        }
    return rows


def _limits(found, seed):
    """Ends of the intervals of averages over photos, of all classes and of each.

    Returns:
        Dictionary of arrays `(2, 1 + num_classes)`, low and high, by measure.
    """
    limits = {}
    for name in VOC_PROTOCOLS:
        intervals = bootstrap_average_precision(
            found.matches, name, num_resamples=NUM_RESAMPLES, seed=seed
        )
        limits[f"{name}_ap50"] = np.array([(i.low, i.high) for i in intervals]).T
    return limits


def _limits_of_rates(counts, seed):
    """The same of precision, recall and F1, of `Counts` by photo and class."""
    parts = np.stack(
        [
            np.concatenate([part.sum(axis=1, keepdims=True), part], axis=1)
            for part in dataclasses.astuple(counts)
        ],
        axis=1,
    )  # (num_photos, 3, 1 + num_classes)
    random = np.random.default_rng(seed)
    resampled = resample(
        lambda times_drawn: np.tensordot(times_drawn, parts, axes=1),
        random,
        len(counts.true),
        NUM_RESAMPLES,
        width=parts[0].size,
    )
    metrics = Counts(*np.moveaxis(resampled, 1, 0)).rates()
    return {name: central_limits(values, 0.025) for name, values in metrics.items()}
