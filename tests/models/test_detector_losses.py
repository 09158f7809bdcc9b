"""What a detector's losses and metrics are, under every arithmetic."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc import layers
from tests import box_reference, tiny
from tests.dtype_policies import dtype_policy
from tests.tiny import compile_detector, with_usual_weights


def losses_one_by_one(model, batch):
    """The three losses in float64, summed over points by the sum of qualities."""
    outputs = model(batch)
    targets = {k: ops.convert_to_numpy(v) for k, v in outputs["targets"].items()}
    logits = ops.convert_to_numpy(outputs["classes"]).astype("float64")
    sides = ops.convert_to_numpy(outputs["sides"]).astype("float64")
    decoded = ops.convert_to_numpy(model.decode_boxes(outputs))
    sums = dict.fromkeys(("boxes", "sides", "classes"), 0.0)
    for image, row in np.ndindex(targets["classes"].shape):
        label = targets["classes"][image, row]
        if label == -2:
            continue
        quality = targets["quality"][image, row]
        for index in range(model.num_classes):
            p = 1 / (1 + np.exp(-logits[image, row, index]))
            wanted = quality if index == label else 0.0
            sums["classes"] -= wanted * np.log(p) + (1 - wanted) * np.log(1 - p)
        if label < 0:
            continue
        box = targets["boxes"][image, row]
        overlap = box_reference.ciou(box, decoded[image, row])
        sums["boxes"] += quality * (1 - overlap)
        distances = np.abs(box - np.tile(model.points[row], 2)) / model.strides[row]
        for side, distance in enumerate(distances):
            values = sides[image, row, side]
            shares = values - np.log(np.exp(values).sum())
            below = int(distance)
            entropy = -(1 - distance % 1) * shares[below]
            entropy -= distance % 1 * shares[below + 1]
            sums["sides"] += quality * entropy / 4
    total = targets["quality"].sum()
    assert total > 1.0
    return {name: value / total for name, value in sums.items()}


def test_losses_are_summed_over_points_and_divided_by_the_qualities():
    model = compile_detector(with_usual_weights(tiny.build_detector()))
    batch = tiny.detection_batch(4)
    batch["difficult"][0, 0] = True
    expected = losses_one_by_one(model, batch)
    logs = model.evaluate(batch, batch_size=4, verbose=0, return_dict=True)
    for name, value in expected.items():
        assert logs[f"{name}_loss"] == pytest.approx(value, rel=1e-4)
    weights = {"boxes": 7.5, "sides": 1.5, "classes": 0.5}
    total = sum(weights[name] * value for name, value in expected.items())
    assert logs["loss"] == pytest.approx(total, rel=1e-4)


def mean_score(model, batch):
    logits = model(batch["images"].astype("float32"), training=True)["classes"]
    return float(ops.mean(ops.sigmoid(logits)))


def test_images_without_objects_teach_that_nothing_is_there():
    model = compile_detector(tiny.build_detector(), keras.optimizers.SGD(0.5))
    batch = tiny.detection_batch(4)
    empty = {
        "boxes": np.full_like(batch["bounding_boxes"]["boxes"], -1.0),
        "classes": np.full_like(batch["bounding_boxes"]["classes"], -1.0),
    }
    batch = {"images": batch["images"], "bounding_boxes": empty}
    before = mean_score(model, batch)
    history = model.fit(batch, batch_size=4, epochs=3, verbose=0).history
    assert np.all(np.isfinite(history["loss"]))
    assert history["boxes_loss"] == [0.0] * 3
    assert history["loss"][-1] < history["loss"][0]
    assert mean_score(model, batch) < before


def test_sample_weights_weigh_images():
    model = compile_detector(with_usual_weights(tiny.build_detector()))
    batch = tiny.detection_batch(4)
    del batch["difficult"]
    images, targets = batch["images"], batch["bounding_boxes"]
    weights = np.array([0.0, 2.0, 0.0, 0.0], "float32")
    logs = model.test_on_batch(images, targets, weights, return_dict=True)
    alone = {name: values[1:2] for name, values in targets.items()}
    single = compile_detector(model).test_on_batch(images[1:2], alone, return_dict=True)
    quality = ops.convert_to_numpy(model(batch)["targets"]["quality"])
    # The sum over points is divided by the qualities of the whole batch.
    share = max(quality[1].sum(), 1.0) / max(quality.sum(), 1.0)
    assert logs["loss"] == pytest.approx(2 * single["loss"] * share, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_learns_and_predicts_as_single_does(precision):
    batch = tiny.detection_batch(4)
    found, losses = [], []
    for policy in ("float32", precision):
        augmenter = layers.DetectionAugmenter(64, mosaic_rate=0.5, seed=0)
        with dtype_policy(policy):
            model = with_usual_weights(tiny.build_detector(augmenter=augmenter))
        compile_detector(model, keras.optimizers.AdamW(1e-3, global_clipnorm=10.0))
        found.append(model.predict(batch["images"], verbose=0))
        losses.append(model.fit(batch, epochs=2, verbose=0).history["loss"])
        assert {str(weight.dtype) for weight in model.trainable_weights} == {"float32"}
    assert np.all(np.isfinite(losses))
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.2)
    assert {value.dtype.name for value in found[1].values()} == {"float32", "int32"}
    single, half = (part["confidence"][:, :5] for part in found)
    np.testing.assert_allclose(half, single, atol=0.1)


def test_metrics_of_compile_see_what_losses_see():
    model = compile_detector(
        with_usual_weights(tiny.build_detector()),
        metrics={"classes": [keras.metrics.BinaryAccuracy(name="all", threshold=0.0)]},
        weighted_metrics={"boxes": [keras.metrics.MeanAbsoluteError(name="apart")]},
    )
    batch = tiny.detection_batch(4)
    logs = model.evaluate(batch, batch_size=4, verbose=0, return_dict=True)
    outputs = model(batch)
    targets = {k: ops.convert_to_numpy(v) for k, v in outputs["targets"].items()}
    wanted = targets["classes"][..., None] == np.arange(3)
    right = (ops.convert_to_numpy(outputs["classes"]) > 0.0) == (
        wanted * targets["quality"][..., None]
    )
    assert logs["classes_all"] == pytest.approx(right.mean(), rel=1e-4)
    decoded = ops.convert_to_numpy(model.decode_boxes(outputs))
    errors = np.abs(targets["boxes"] - decoded).mean(axis=-1)
    expected = np.average(errors, weights=targets["quality"])
    assert logs["boxes_apart"] == pytest.approx(expected, rel=1e-4)
