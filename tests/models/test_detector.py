"""Fitting, saving and asking a detector."""

import keras
import numpy as np
import pytest
from keras import ops

import ssl_voc
from ssl_voc.metrics import voc_average_precision
from tests import tiny
from tests.tiny import compile_detector, with_usual_weights


@pytest.mark.slow
def test_eight_photos_are_learned_by_heart():
    model = tiny.build_detector(channels=32)
    batch = tiny.detection_batch(8)
    compile_detector(
        model,
        keras.optimizers.AdamW(4e-3, global_clipnorm=10.0),
        run_eagerly=False,
        jit_compile=False,
    )
    history = model.fit(batch, batch_size=8, epochs=90, verbose=0).history
    assert history["matched_iou"][-1] > 0.8
    found = model.predict(batch["images"], verbose=0)
    truth = {**batch["bounding_boxes"], "difficult": batch["difficult"]}
    assert voc_average_precision(found, truth).mean > 0.9
    # The last photo is empty; a person would be shown nothing there.
    assert found["confidence"][-1].max() < 0.3


def test_predictions_are_those_of_call_padded_and_sorted():
    model = with_usual_weights(tiny.build_detector(max_detections=20))
    model.run_eagerly = False  # as for users
    images = tiny.draw_photos(4, size=64)
    found = model.predict(images, batch_size=2, verbose=0)
    kinds = {name: (value.shape, value.dtype) for name, value in found.items()}
    assert kinds == {
        "boxes": ((4, 20, 4), np.dtype("float32")),
        "classes": ((4, 20), np.dtype("int32")),
        "confidence": ((4, 20), np.dtype("float32")),
        "num_detections": ((4,), np.dtype("int32")),
    }
    outputs = model(images.astype("float32"))
    scores = 1 / (1 + np.exp(-ops.convert_to_numpy(outputs["classes"])))
    np.testing.assert_allclose(
        found["confidence"][:, 0], scores.max(axis=(1, 2)), rtol=1e-4
    )
    assert np.all(np.diff(found["confidence"], axis=1) <= 0)
    exists = found["classes"] >= 0
    np.testing.assert_array_equal(exists.sum(axis=1), found["num_detections"])
    assert np.all(found["boxes"][exists] >= 0) and np.all(found["boxes"][exists] <= 64)
    assert np.all(found["boxes"][~exists] == -1)


def test_the_best_box_is_its_point_and_the_mean_distances_from_there():
    model = with_usual_weights(tiny.build_detector())
    images = tiny.draw_photos(2, size=64)
    outputs = model(images.astype("float32"))
    logits = ops.convert_to_numpy(outputs["classes"])
    found = model.predict(images, verbose=0)
    for image in range(2):
        row = np.argmax(logits[image].max(axis=1))
        shares = np.exp(ops.convert_to_numpy(outputs["sides"])[image, row])
        shares /= shares.sum(axis=1, keepdims=True)
        left, top, right, bottom = (shares @ np.arange(16)) * model.strides[row]
        x, y = model.points[row]
        expected = np.clip([x - left, y - top, x + right, y + bottom], 0, 64)
        np.testing.assert_allclose(found["boxes"][image, 0], expected, atol=1e-3)


def test_the_augmenter_works_while_training_only_and_flags_follow():
    seen = []

    class Spy(ssl_voc.layers.DetectionAugmenter):
        def call(self, inputs, training=False):
            seen.append((sorted(inputs), training))
            return super().call(inputs, training=training)

    model = tiny.build_detector(augmenter=Spy(64, mosaic_rate=0.5, seed=0))
    compile_detector(model)
    batch = tiny.detection_batch(4)
    model.evaluate(batch, verbose=0)
    model.predict(batch["images"], verbose=0)
    assert seen == []
    model.fit(batch, verbose=0)
    assert seen == [(["bounding_boxes", "difficult", "images"], True)]


def test_a_backbone_that_is_too_shallow_is_refused():
    with pytest.raises(ValueError, match="no feature map of stride 8"):
        ssl_voc.Detector(tiny.build_backbone(32), 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [("nms_iou_threshold", -0.1), ("score_threshold", 30), ("max_detections", 0)],
)
def test_thresholds_that_find_nothing_are_refused(name, value):
    with pytest.raises(ValueError, match=f"`{name}` .*Received: {name}={value}"):
        tiny.build_detector(**{name: value})


def test_a_class_that_the_model_lacks_is_not_taught_as_background():
    model = compile_detector(tiny.build_detector())
    batch = tiny.detection_batch(2)
    assert np.isfinite(float(model.compute_loss(y_pred=model(batch))))
    batch["bounding_boxes"]["classes"][0, 0] = model.num_classes
    assert np.isnan(float(model.compute_loss(y_pred=model(batch))))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="shapes are known")
def test_batches_may_have_any_number_of_boxes():
    import tensorflow as tf

    model, batch = tiny.build_detector(), tiny.detection_batch(2)
    images, given = batch["images"], batch["bounding_boxes"]

    @tf.function(
        input_signature=[
            tf.TensorSpec((2, None, 4), "float32"),
            tf.TensorSpec((2, None), "float32"),
        ]
    )
    def assign(corners, classes):
        objects = {"boxes": corners, "classes": classes}
        return model({"images": images, "bounding_boxes": objects})["targets"]

    expected = model({"images": images, "bounding_boxes": given})["targets"]
    found = assign(given["boxes"], given["classes"])
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-3)
