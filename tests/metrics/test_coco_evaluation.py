import contextlib
import io

import numpy as np
import pytest

from ssl_voc.metrics import coco_average_precision
from tests.metrics.detections import generate, one_class

# In the order of pycocotools' `stats`.
NAMES = (
    "coco_ap coco_ap50 coco_ap75 coco_ap_small coco_ap_medium coco_ap_large coco_ar1 "
    "coco_ar10 coco_ar100 coco_ar_small coco_ar_medium coco_ar_large"
).split()


@pytest.fixture(scope="module")
def many_images():
    """Boxes of all three sizes, and often more than ten detections of a class."""
    predictions, truth = generate(
        0, num_images=300, num_classes=4, objects=6, detections=30
    )
    # From sides of 6-16 pixels to areas around COCO's 32 x 32 and 96 x 96.
    scale = np.random.default_rng(1).choice([1.0, 4.0, 11.0], 300)[:, None, None]
    for side in (predictions, truth):
        side["boxes"] = side["boxes"] * scale
    return predictions, truth


def pycocotools_figures(predictions, truth, num_classes):
    """The reference implementation, given one box after another."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    annotations, results = [], []
    for image, classes in enumerate(truth["classes"]):
        for place, label in enumerate(classes):
            if label >= 0:
                box = xywh(truth["boxes"][image][place])
                difficult = truth["difficult"][image][place]
                crowd = bool("crowd" in truth and truth["crowd"][image][place])
                area = box[2] * box[3]
                if "area" in truth and not np.isnan(truth["area"][image][place]):
                    area = truth["area"][image][place]
                area = 1e12 if difficult and not crowd else area
                annotation = {"bbox": box, "area": area, "iscrowd": int(crowd)}
                keys = {"image_id": image + 1, "category_id": int(label) + 1}
                annotations.append(
                    {"id": len(annotations) + 1, **keys, **annotation},
                )
    for image, classes in enumerate(predictions["classes"]):
        for place, label in enumerate(classes):
            if label >= 0:
                results.append(
                    {
                        "image_id": image + 1,
                        "category_id": int(label) + 1,
                        "bbox": xywh(predictions["boxes"][image][place]),
                        "score": float(predictions["confidence"][image][place]),
                    }
                )
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": i + 1} for i in range(len(truth["classes"]))],
            "categories": [{"id": i + 1} for i in range(num_classes)],
            "annotations": annotations,
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def xywh(box):
    left, top, right, bottom = (float(number) for number in box)
    return [left, top, right - left, bottom - top]


@pytest.mark.parametrize("is_of_coco", [False, True], ids=["boxes", "crowds, areas"])
def test_figures_of_300_images_are_those_of_pycocotools(many_images, is_of_coco):
    predictions, truth = many_images
    if is_of_coco:
        random = np.random.default_rng(2)
        shape = truth["classes"].shape
        sides = truth["boxes"][..., 2:] - truth["boxes"][..., :2]
        areas = np.prod(sides, axis=-1) * random.uniform(0.3, 1.0, shape)
        truth = {
            **truth,
            "crowd": truth["difficult"] & (random.random(shape) < 0.5),
            "area": np.where(random.random(shape) < 0.8, areas, np.nan),
        }
    figures = coco_average_precision(predictions, truth, num_classes=4)
    reference = pycocotools_figures(predictions, truth, 4)
    values = [figures[name] for name in NAMES]
    np.testing.assert_allclose(values, reference.stats, rtol=0, atol=1e-6)
    # The case tells the figures apart: no two agree by chance.
    assert len({round(value, 4) for value in values}) == len(NAMES)
    precision = reference.eval["precision"]
    for label in range(4):
        for name, thresholds in (("ap", slice(None)), ("ap50", slice(1))):
            part = precision[thresholds, :, label, 0, 2]
            expected = part[part > -1].mean() if np.any(part > -1) else np.nan
            np.testing.assert_allclose(
                figures[f"coco_{name}_per_class"][label], expected, rtol=0, atol=1e-6
            )
    # Class 2 has no object, class 0 has.
    assert np.isnan(figures["coco_ap_per_class"][2])
    assert figures["coco_ap_per_class"][0] > 0


def test_nothing_predicted_is_zero_and_nothing_to_find_is_nan():
    predictions, truth = one_class([0.9], [0], 1)
    assert np.isnan(coco_average_precision(predictions, truth)["coco_ap_large"])
    none = {name: values[:, :0] for name, values in predictions.items()}
    figures = coco_average_precision(none, truth)
    assert figures["coco_ap"] == 0.0
    assert figures["coco_ap_per_class"].tolist() == [0.0]
    empty = {name: values[:, :0] for name, values in truth.items()}
    for side in (predictions, none):
        figures = coco_average_precision(side, empty, num_classes=3)
        assert set(NAMES) < set(figures)
        assert all(np.isnan(figures[name]) for name in NAMES)
        assert np.isnan(figures["coco_ap_per_class"]).tolist() == [True] * 3
    assert np.isnan(coco_average_precision(none, empty)["coco_ap"])


def test_confidence_that_is_not_a_number_is_refused():
    predictions, truth = one_class([0.9, np.nan], [0, -1], 1)
    with pytest.raises(ValueError, match="confidence.*nan in image 0, place 1"):
        coco_average_precision(predictions, truth)
