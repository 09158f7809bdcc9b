"""What a localizer learns from: the main object, wherever the augmentation put it."""

import keras
import numpy as np
import pytest
from keras import ops

from tests import box_reference, tiny


class Mirror(keras.layers.Layer):
    """An augmentation without chance: every image and box from left to right."""

    def call(self, inputs, training=False):
        left, top, right, bottom = ops.split(inputs["bounding_boxes"]["boxes"], 4, -1)
        mirrored = ops.concatenate([32 - right, top, 32 - left, bottom], axis=-1)
        targets = {**inputs["bounding_boxes"], "boxes": mirrored}
        images = ops.cast(inputs["images"], "float32")
        return {"images": ops.flip(images, axis=2), "bounding_boxes": targets}


def step(batch, **arguments):
    """Logs and weights of one step, from weights that are always the same."""
    model = tiny.compile_localizer(tiny.build_localizer(**arguments))
    logs = model.train_on_batch(batch, return_dict=True)
    return logs, model.get_weights()


def add_object(batch, row, box, label, difficult=False):
    """The batch with one more object in each photo, padding but in one of them."""
    given = batch["bounding_boxes"]
    num_photos, num_objects = given["classes"].shape
    more_boxes = np.full((num_photos, 1, 4), -1.0, "float32")
    more_classes = np.full((num_photos, 1), -1.0, "float32")
    flags = np.zeros((num_photos, 1), "bool")
    more_boxes[row, 0], more_classes[row, 0], flags[row, 0] = box, label, difficult
    before = batch.get("difficult", np.zeros((num_photos, num_objects), "bool"))
    return {
        **batch,
        "bounding_boxes": {
            "boxes": np.concatenate([more_boxes, given["boxes"]], axis=1),
            "classes": np.concatenate([more_classes, given["classes"]], axis=1),
        },
        "difficult": np.concatenate([flags, before], axis=1),
    }


def test_target_is_the_largest_object_that_is_not_difficult():
    random = np.random.default_rng(0)
    objects = box_reference.random_boxes(random, 40, 5, size=32)
    classes = random.integers(-1, 3, (40, 5)).astype("float32")
    difficult = random.random((40, 5)) < 0.4
    expected_boxes, expected_classes = [], []
    for row in range(40):
        best, label = -1.0, -1.0
        for item, name, skip in zip(
            objects[row], classes[row], difficult[row], strict=True
        ):
            if name >= 0 and not skip and box_reference.area(item) > best:
                best, label, target = box_reference.area(item), name, item
        expected_classes.append(label)
        expected_boxes.append(target if label >= 0 else None)
    assert {-1.0, 0.0, 2.0} <= set(expected_classes)
    targets = tiny.build_localizer()(
        {
            "images": np.zeros((40, 32, 32, 3), "uint8"),
            "bounding_boxes": {"boxes": objects, "classes": classes},
            "difficult": difficult,
        }
    )["targets"]
    np.testing.assert_array_equal(targets["classes"][:, 0], expected_classes)
    for found, expected in zip(targets["boxes"], expected_boxes, strict=True):
        if expected is not None:
            np.testing.assert_array_equal(found[0], expected)


def test_smaller_and_difficult_objects_change_nothing():
    batch = tiny.labeled_batch(4)
    more = add_object(batch, 1, [0, 0, 3, 3], 2)
    more = add_object(more, 2, [0, 0, 32, 32], 1, difficult=True)
    (logs, weights), (other_logs, others) = step(batch), step(more)
    assert other_logs == pytest.approx(logs, rel=1e-5)
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    # Were it the larger one, it would be the target.
    larger = add_object(batch, 1, [0, 0, 32, 32], 2)
    assert step(larger)[0]["loss"] != pytest.approx(logs["loss"], rel=1e-3)


def test_photos_without_an_object_add_nothing_to_loss_gradient_or_metrics():
    batch = tiny.labeled_batch(4)
    longer = add_object(tiny.labeled_batch(6), 5, [4, 4, 20, 20], 1, difficult=True)
    longer["images"][:4] = batch["images"]
    for name, values in batch["bounding_boxes"].items():
        longer["bounding_boxes"][name][:4, 1:] = values
        longer["bounding_boxes"][name][4:, 1:] = -1
    # One has padding alone, the last one a difficult object alone.
    assert (longer["bounding_boxes"]["classes"][4] == -1).all()
    (logs, weights), (other_logs, others) = step(batch), step(longer)
    assert other_logs == pytest.approx(logs, rel=1e-4)
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


class Lose(Mirror):
    """An augmentation that loses every object."""

    def call(self, inputs, training=False):
        outputs = super().call(inputs, training=training)
        classes = outputs["bounding_boxes"]["classes"]
        outputs["bounding_boxes"]["classes"] = ops.full_like(classes, -1)
        return outputs


@pytest.mark.parametrize(("augmenter", "has_objects"), [(None, False), (Lose(), True)])
def test_a_batch_of_no_or_lost_objects_moves_nothing(augmenter, has_objects):
    batch = tiny.labeled_batch(2)
    classes = batch["bounding_boxes"]["classes"]
    batch["bounding_boxes"]["classes"] = np.where(has_objects, classes, -1)
    logs, weights = step(batch, augmenter=augmenter)
    assert logs["loss"] == 0.0
    for one, other in zip(weights, tiny.build_localizer().get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


class CutFirst(keras.layers.Layer):
    """An augmentation whose crop shows but a corner of each first object."""

    def call(self, inputs, training=False):
        objects = {**inputs["bounding_boxes"]}
        start = objects["boxes"][:, :1, :2]
        first = ops.concatenate([start, start + 1.0], axis=-1)
        objects["boxes"] = ops.concatenate([first, objects["boxes"][:, 1:]], axis=1)
        return {**inputs, "bounding_boxes": objects}


def test_target_is_the_largest_object_of_what_a_crop_shows():
    objects = np.array([[[0, 0, 30, 30], [4, 4, 20, 20], [0, 0, 28, 28]]], "float32")
    batch = {
        "images": np.zeros((1, 32, 32, 3), "uint8"),
        "bounding_boxes": {"boxes": objects, "classes": np.array([[0.0, 1.0, 2.0]])},
        "difficult": np.array([[False, False, True]]),
    }
    model = tiny.build_localizer(augmenter=CutFirst())
    for training, place in ((False, 0), (True, 1)):
        targets = model(batch, training=training)["targets"]
        assert ops.convert_to_numpy(targets["classes"]).tolist() == [[place]]
        np.testing.assert_array_equal(targets["boxes"][0, 0], objects[0, place])


def test_augmentation_moves_targets_in_fit_and_is_absent_elsewhere():
    batch = tiny.labeled_batch(4)
    model = tiny.compile_localizer(tiny.build_localizer(augmenter=Mirror()))
    plain = tiny.compile_localizer(tiny.build_localizer())
    for part in (model, plain):
        part.head.votes.bias.assign([2.0, 0.0, -1.0, 0.0])  # to the left
    evaluated = model.evaluate(batch, verbose=0, return_dict=True)
    assert evaluated == pytest.approx(
        plain.evaluate(batch, verbose=0, return_dict=True)
    )
    for name, values in model.predict(batch["images"], verbose=0).items():
        others = plain.predict(batch["images"], verbose=0)[name]
        np.testing.assert_array_equal(values, others)
    # What fit sees is what one would mirror by hand.
    mirrored = tiny.labeled_batch(4)
    mirrored["images"] = mirrored["images"][:, :, ::-1]
    left, top, right, bottom = np.split(mirrored["bounding_boxes"]["boxes"], 4, axis=-1)
    mirrored["bounding_boxes"]["boxes"] = np.concatenate(
        [32 - right, top, 32 - left, bottom], axis=-1
    )
    logs = model.train_on_batch(batch, return_dict=True)
    assert logs == pytest.approx(plain.train_on_batch(mirrored, return_dict=True))
    assert logs["boxes_mean_iou"] != pytest.approx(
        evaluated["boxes_mean_iou"], rel=0.01
    )
