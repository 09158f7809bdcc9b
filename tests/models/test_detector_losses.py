"""What a detector's losses and metrics are, under every arithmetic."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc import boxes, layers
from tests import box_reference, tiny
from tests.dtype_policies import dtype_policy
from tests.tiny import compile_detector, with_usual_weights


def loss_one_by_one(model, batch):
    """Focal and GIoU loss in float64, summed over anchors by the matched ones."""
    outputs = model(batch)
    targets = {k: ops.convert_to_numpy(v) for k, v in outputs["targets"].items()}
    logits = ops.convert_to_numpy(outputs["classes"]).astype("float64")
    offsets = outputs["boxes"]
    decoded = ops.convert_to_numpy(boxes.decode_offsets(offsets, model.anchors))
    focal = overlap = number = 0.0
    for image, row in np.ndindex(targets["classes"].shape):
        label = targets["classes"][image, row]
        if label == -2:
            continue
        for index in range(model.num_classes):
            p = 1 / (1 + np.exp(-logits[image, row, index]))
            if index == label:
                focal -= 0.25 * (1 - p) ** 2 * np.log(p)
            else:
                focal -= 0.75 * p**2 * np.log(1 - p)
        if label >= 0:
            number += 1
            overlap += 1 - box_reference.giou(
                targets["boxes"][image, row], decoded[image, row]
            )
    return focal / number, overlap / number


def test_the_loss_is_summed_over_anchors_and_divided_by_the_matched():
    model = compile_detector(with_usual_weights(tiny.build_detector()))
    batch = tiny.detection_batch(4)
    batch["difficult"][0, 0] = True
    focal, overlap = loss_one_by_one(model, batch)
    logs = model.evaluate(batch, batch_size=4, verbose=0, return_dict=True)
    assert logs["classes_loss"] == pytest.approx(focal, rel=1e-4)
    assert logs["boxes_loss"] == pytest.approx(overlap, rel=1e-4)
    assert logs["loss"] == pytest.approx(focal + 2 * overlap, rel=1e-4)


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
    matched = ops.convert_to_numpy(model(batch)["targets"]["classes"]) >= 0
    # The sum over anchors is divided by the matched ones of the whole batch.
    assert logs["loss"] == pytest.approx(
        2 * single["loss"] * matched[1].sum() / matched.sum(), rel=1e-4
    )


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
    classes = ops.convert_to_numpy(outputs["targets"]["classes"])
    wanted = classes[..., None] == np.arange(3)
    right = (ops.convert_to_numpy(outputs["classes"]) > 0.0) == wanted
    assert logs["classes_all"] == pytest.approx(right.mean(), rel=1e-4)
    decoded = boxes.decode_offsets(outputs["boxes"], model.anchors)
    errors = ops.convert_to_numpy(ops.abs(outputs["targets"]["boxes"] - decoded))
    expected = errors[classes >= 0].mean()
    assert logs["boxes_apart"] == pytest.approx(expected, rel=1e-4)
