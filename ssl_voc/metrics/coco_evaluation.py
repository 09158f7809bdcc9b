"""Average precision by the protocol of COCO, through faster-coco-eval."""

import numpy as np

from ssl_voc.metrics.box_rows import rows_of_sides

# Beyond every range of areas, COCO neither wants an object nor punishes its detection.
_AREA_OF_IGNORED = 1e12
_SIZES = ("small", "medium", "large")


def coco_average_precision(predictions, ground_truth, num_classes=None):
    """COCO's twelve measures, and the average precision of each class.

    Mean over IoU 0.50, 0.55, ..., 0.95 (from the threshold on, not strictly above) and
    over classes with objects, 101 recalls, at most 100 detections of a class in an
    image. Sizes are COCO's: areas below 32 x 32, to 96 x 96, and above, in the pixels
    that the boxes are in, so give boxes of the original photos; of outlines, where
    these are known, else of boxes. Crowds forgive all detections inside them, as COCO
    has it. Other difficult objects, which COCO does not know, are ignored as it ignores
    objects of another size: one detection each counts neither way. (VOC forgives all of
    them.) Equal confidence: the earlier image, then the earlier place.

    Args:
        predictions: As of `match_detections`.
        ground_truth: As of `match_detections`; optionally also `"crowd"`, bool, and
            `"area"`, float, nan where unknown, `(num_images, M)`.
        num_classes: Number of classes; by default one more than the highest in use.

    Returns:
        Dictionary of floats in `[0, 1]`, nan where no object is of the kind: `coco_ap`,
        `coco_ap50`, `coco_ap75`, `coco_ap_small`, `coco_ap_medium`, `coco_ap_large`,
        the average recall `coco_ar1`, `coco_ar10`, `coco_ar100` with so many
        detections, `coco_ar_small`, `coco_ar_medium`, `coco_ar_large`; and of arrays
        `(num_classes,)`: `coco_ap_per_class` and `coco_ap50_per_class`.

    Raises:
        ValueError: as of `match_detections`.

    Reference:
        - [Lin et al., 2014](https://arxiv.org/abs/1405.0312)
        - [faster-coco-eval](https://github.com/MiXaiLL76/faster_coco_eval)
    """
    detections, confidence, objects, ignored, num_classes = rows_of_sides(
        predictions, ground_truth, num_classes
    )
    crowd, areas = (
        objects.pick(ground_truth[name], f'ground_truth["{name}"]')
        if ground_truth.get(name) is not None
        else np.full(len(ignored), nothing)
        for name, nothing in (("crowd", False), ("area", np.nan))
    )
    # Imported here: what trains no detector does without.
    from faster_coco_eval import COCO, COCOeval_faster

    truth = COCO(
        {
            "images": [{"id": image} for image in range(detections.num_images)],
            "categories": [{"id": number} for number in range(num_classes)],
            "annotations": _annotations(objects, ignored, crowd, areas),
        }
    )
    evaluation = COCOeval_faster(
        truth, truth.loadRes(_results(detections, confidence)), iouType="bbox"
    )
    evaluation.evaluate()
    evaluation.accumulate()
    # -1 stands for "no object of the kind".
    precision, recall = (
        np.where(np.asarray(evaluation.eval[name]) < 0, np.nan, evaluation.eval[name])
        for name in ("precision", "recall")
    )
    return _averages(precision, recall)


def _averages(precision, recall):
    """Averages `(IoU, recall, class, size, limit)` and `(IoU, class, size, limit)`."""
    averages = {
        "coco_ap": _mean(precision[:, :, :, 0, 2]),
        "coco_ap50": _mean(precision[0, :, :, 0, 2]),
        "coco_ap75": _mean(precision[5, :, :, 0, 2]),
    }
    for number, size in enumerate(_SIZES, start=1):
        averages[f"coco_ap_{size}"] = _mean(precision[:, :, :, number, 2])
    for number, limit in enumerate((1, 10, 100)):
        averages[f"coco_ar{limit}"] = _mean(recall[:, :, 0, number])
    for number, size in enumerate(_SIZES, start=1):
        averages[f"coco_ar_{size}"] = _mean(recall[:, :, number, 2])
    for name, ious in (("ap", slice(None)), ("ap50", slice(1))):
        averages[f"coco_{name}_per_class"] = np.array(
            [_mean(precision[ious, :, n, 0, 2]) for n in range(precision.shape[2])]
        )
    return averages


def _mean(values):
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else np.nan


def _annotations(objects, ignored, crowd, areas):
    sides = objects.boxes[:, 2:] - objects.boxes[:, :2]
    areas = np.where(np.isnan(areas), np.prod(sides, axis=1), areas)
    areas = np.where(ignored & ~crowd, _AREA_OF_IGNORED, areas)
    columns = zip(_rows(objects), crowd.tolist(), areas.tolist(), strict=True)
    return [
        # Ids from 1: 0 means "not matched" inside COCO's evaluation.
        {**row, "id": number, "iscrowd": int(is_crowd), "area": area}
        for number, (row, is_crowd, area) in enumerate(columns, start=1)
    ]


def _results(detections, confidence):
    # The outline is not looked at; without one it would be drawn for each box.
    return [
        {**row, "score": score, "segmentation": []}
        for row, score in zip(_rows(detections), confidence.tolist(), strict=True)
    ]


def _rows(rows):
    sides = rows.boxes[:, 2:] - rows.boxes[:, :2]
    columns = (
        rows.images.tolist(),
        rows.classes.tolist(),
        np.concatenate([rows.boxes[:, :2], sides], axis=1).tolist(),
    )
    return [
        {"image_id": image, "category_id": label, "bbox": box}
        for image, label, box in zip(*columns, strict=True)
    ]
