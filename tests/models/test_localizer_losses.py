"""Losses and metrics of a localizer: those of the loops, photo by photo."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.losses import BoxLoss
from ssl_voc.metrics import LocalizationAccuracy, MeanBoxIoU
from tests import box_reference, reference, tiny


@pytest.mark.parametrize("attention_weight", [0.0, 0.25, 2.0])
def test_loss_is_that_of_the_loops_with_class_0_like_the_others(attention_weight):
    batch = tiny.labeled_batch(3)
    assert batch["bounding_boxes"]["classes"].tolist() == [[0], [1], [2]]
    model = tiny.compile_localizer(
        tiny.build_localizer(attention_weight=attention_weight)
    )
    outputs = {
        name: ops.convert_to_numpy(value).astype("float64")
        for name, value in model(batch["images"]).items()
    }
    for row in range(3):
        target = batch["bounding_boxes"]["boxes"][row, 0]
        predicted = outputs["boxes"][row, 0]
        errors = np.abs(predicted - target) / 32
        smooth = np.where(errors < 0.05, errors**2 / 0.1, errors - 0.025).mean()
        logits = outputs["classes"][row]
        parts = {
            "boxes_loss": 1 - box_reference.giou(target, predicted) + 10 * smooth,
            "classes_loss": np.log(np.exp(logits).sum()) - logits[row],
            "attention_loss": reference.attention_loss(
                target / 32, outputs["attention"][row]
            ),
        }
        alone = {
            "images": batch["images"][row : row + 1],
            "bounding_boxes": {
                name: values[row : row + 1]
                for name, values in batch["bounding_boxes"].items()
            },
        }
        logs = model.evaluate(alone, verbose=0, return_dict=True)
        total = parts["boxes_loss"] + parts["classes_loss"]
        total += attention_weight * parts["attention_loss"]
        if not attention_weight:
            del parts["attention_loss"]
        found = {name: value for name, value in logs.items() if name.endswith("_loss")}
        assert found == pytest.approx(parts, rel=1e-4)
        assert logs["loss"] == pytest.approx(total, rel=1e-4)
        iou = box_reference.iou(target, predicted)
        assert logs["boxes_mean_iou"] == pytest.approx(iou, abs=1e-5)


def test_attention_loss_of_weight_0_is_not_computed(monkeypatch):
    def refuse(*arguments):
        raise AssertionError("computed")

    batch = tiny.labeled_batch(2)
    monkeypatch.setattr("ssl_voc.models.localizer.attention_loss", refuse)
    model = tiny.compile_localizer(tiny.build_localizer())
    with pytest.raises(AssertionError, match="computed"):
        model.evaluate(batch, verbose=0)
    model = tiny.compile_localizer(tiny.build_localizer(attention_weight=0))
    logs = model.evaluate(batch, verbose=0, return_dict=True)
    assert "attention_loss" not in logs
    assert logs["loss"] == pytest.approx(logs["boxes_loss"] + logs["classes_loss"])


def test_logged_loss_is_the_sum_of_its_parts_with_a_short_last_batch():
    model = tiny.compile_localizer(tiny.build_localizer(attention_weight=1.5))
    logs = model.evaluate(
        tiny.labeled_batch(5), batch_size=4, verbose=0, return_dict=True
    )
    parts = logs["boxes_loss"] + logs["classes_loss"] + 1.5 * logs["attention_loss"]
    assert logs["loss"] == pytest.approx(parts, rel=1e-5)


def test_sample_weights_count_photos_by_what_they_say():
    batch = tiny.labeled_batch(4)
    pair = batch["images"], batch["bounding_boxes"]
    model = tiny.compile_localizer(tiny.build_localizer())
    whole = model.evaluate(*pair, verbose=0, return_dict=True)
    twice = model.evaluate(
        *pair, sample_weight=np.full(4, 2.0), verbose=0, return_dict=True
    )
    assert twice["loss"] == pytest.approx(2 * whole["loss"], rel=1e-5)


def test_metrics_of_boxes_and_those_of_keras_are_the_loops():
    batch = tiny.labeled_batch(7)
    model = tiny.build_localizer()
    random = np.random.default_rng(0)
    model.head.classifier.kernel.assign(random.normal(0, 9, (24, 3)))
    tiny.compile_localizer(
        model,
        {
            "boxes": [
                MeanBoxIoU(),
                LocalizationAccuracy(0.15),
            ],
            "classes": [
                keras.metrics.SparseCategoricalAccuracy(name="top1"),
                keras.metrics.SparseTopKCategoricalAccuracy(k=2, name="top2"),
            ],
        },
    )
    logs = model.evaluate(batch, batch_size=4, verbose=0, return_dict=True)
    outputs = {
        name: ops.convert_to_numpy(v) for name, v in model(batch["images"]).items()
    }
    targets = batch["bounding_boxes"]["boxes"][:, 0]
    ious = np.array([*map(box_reference.iou, targets, outputs["boxes"][:, 0])])
    classes = batch["bounding_boxes"]["classes"][:, 0]
    ranks = [
        int((scores > scores[int(label)]).sum())
        for scores, label in zip(outputs["classes"], classes, strict=True)
    ]
    expected = {
        "boxes_mean_iou": ious.mean(),
        "boxes_loc_acc_15": (ious > 0.15).mean(),
        "classes_top1": np.mean([rank < 1 for rank in ranks]),
        "classes_top2": np.mean([rank < 2 for rank in ranks]),
    }
    assert {name: logs[name] for name in expected} == pytest.approx(expected, abs=1e-5)
    assert 0 < expected["classes_top1"] < expected["classes_top2"]


def test_losses_given_to_compile_replace_the_defaults():
    batch = tiny.labeled_batch(4)
    logs = {}
    for overlap in ("giou", "ciou"):
        model = tiny.build_localizer(attention_weight=0)
        model.compile(
            "sgd",
            loss={
                "boxes": BoxLoss("xyxy", (32, 32), overlap, smooth_l1_weight=0.0),
                "classes": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            },
            loss_weights={"boxes": 3.0, "classes": 0.5},
            run_eagerly=True,
        )
        logs[overlap] = model.evaluate(batch, verbose=0, return_dict=True)
    assert logs["ciou"]["boxes_loss"] != pytest.approx(logs["giou"]["boxes_loss"])
    predicted = ops.convert_to_numpy(model(batch["images"])["boxes"])[:, 0]
    targets = batch["bounding_boxes"]["boxes"][:, 0]
    gious = [*map(box_reference.giou, targets, predicted)]
    assert logs["giou"]["boxes_loss"] == pytest.approx(1 - np.mean(gious), rel=1e-4)
    weighted = 3 * logs["giou"]["boxes_loss"] + 0.5 * logs["giou"]["classes_loss"]
    assert logs["giou"]["loss"] == pytest.approx(weighted, rel=1e-4)
