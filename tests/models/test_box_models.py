"""What localizers and detectors do alike."""

import functools
import inspect
import types

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc import boxes
from ssl_voc.layers import DetectionAugmenter, LocalizationAugmenter
from ssl_voc.models import Detector, Localizer
from ssl_voc.models.box_model import corners_of
from ssl_voc.optimizers import DiscriminativeAdamW
from tests import tiny
from tests.dtype_policies import dtype_policy

BUILDS = {
    "localizer": (
        lambda **given: tiny.build_localizer(tiny.build_backbone, **given),
        tiny.compile_localizer,
        tiny.labeled_batch,
    ),
    "detector": (tiny.build_detector, tiny.compile_detector, tiny.detection_batch),
}

# Augmentation without chance: every image and box from left to right.
MIRROR = {
    "area_range": (1, 1),
    "aspect_range": (1, 1),
    "flip_rate": 1.0,
    "color_strength": 0.0,
    "grayscale_rate": 0.0,
}
AUGMENTERS = {
    "localizer": LocalizationAugmenter(32, **MIRROR),
    "detector": DetectionAugmenter(64, **MIRROR, mosaic_rate=0.0),
}
# No argument is at its default.
ARGUMENTS = {
    "localizer": {
        "num_classes": 4,
        "bounding_box_format": "yxyx",
        "augmenter": AUGMENTERS["localizer"],
        "attention_weight": 0.7,
        "freeze_batch_norm": True,
        "name": "finder",
    },
    "detector": {
        "num_classes": 4,
        "bounding_box_format": "xywh",
        "augmenter": AUGMENTERS["detector"],
        "score_threshold": 0.005,
        "nms_iou_threshold": 0.4,
        "max_detections": 17,
        "freeze_batch_norm": True,
        "name": "finder",
    },
}


@pytest.fixture(params=BUILDS)
def parts(request):
    """Functions that build a model, compile it, and draw its batches."""
    return BUILDS[request.param]


def test_images_alone_cannot_be_fitted_or_evaluated(parts):
    build, compile_model, draw = parts
    model = compile_model(build())
    for act in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match="need boxes: .*Received images alone"):
            act(draw(2)["images"], verbose=0)


def test_images_and_targets_may_come_apart(parts):
    build, compile_model, draw = parts
    model = compile_model(build())
    batch = draw(4)
    batch.pop("difficult", None)
    options = {"batch_size": 4, "verbose": 0, "return_dict": True}
    together = model.evaluate(batch, **options)
    apart = model.evaluate(batch["images"], batch["bounding_boxes"], **options)
    assert apart == pytest.approx(together, rel=1e-4)


def test_shares_are_of_the_photos_that_are_augmented(parts, request):
    build, _, _ = parts
    kind = request.node.callspec.params["parts"]
    augmenter = AUGMENTERS[kind]
    model = build(bounding_box_format="rel_xyxy", augmenter=augmenter)
    corners = np.array([[[0.25, 0.25, 0.5, 0.5]]], "float32")
    batch = {
        "images": np.zeros((1, 96, 96, 3), "uint8"),
        "bounding_boxes": {"boxes": corners, "classes": np.zeros((1, 1), "float32")},
    }
    _, objects = model.read_inputs(batch, training=True)
    expected = np.array([[[0.5, 0.25, 0.75, 0.5]]]) * augmenter.image_size
    np.testing.assert_allclose(ops.convert_to_numpy(objects["boxes"]), expected, 1e-5)


def test_photos_of_a_batch_may_all_have_no_object(parts):
    build, _, draw = parts
    model, images = build(), draw(2)["images"]
    nothing = {"boxes": np.zeros((2, 0, 4)), "classes": np.zeros((2, 0))}
    targets = model({"images": images, "bounding_boxes": nothing})["targets"]
    assert np.all(ops.convert_to_numpy(targets["classes"]) < 0)


def test_heads_have_the_precision_of_their_model():
    backbone = tiny.build_deep_backbone(64)
    for build_model in (Localizer, Detector):
        model = build_model(backbone, 3, dtype="mixed_bfloat16")
        assert model.head.dtype_policy.name == "mixed_bfloat16"


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_rounds_no_target(parts, policy):
    build, _, draw = parts
    with dtype_policy(policy):
        model = build()
        batch = draw(4)
        given = batch["bounding_boxes"]
        given["boxes"] = np.where(given["boxes"] < 0, -1, given["boxes"] + 0.3)
        given["boxes"] = given["boxes"].astype("float32")
        targets = model(batch)["targets"]
    found = ops.convert_to_numpy(targets["boxes"])
    found = found[ops.convert_to_numpy(targets["classes"]) >= 0]
    assert len(found) and {*map(tuple, found)} <= {
        tuple(box) for box in given["boxes"].reshape(-1, 4)
    }


def test_frozen_batch_norms_keep_their_statistics_while_kernels_learn(parts):
    build, compile_model, draw = parts
    learned = {"kernel", "gamma", "beta"}
    for freeze in (True, False):
        model = compile_model(build(freeze_batch_norm=freeze))
        weights = model.backbone.weights
        before = [ops.convert_to_numpy(weight).copy() for weight in weights]
        model.fit(draw(4), verbose=0)
        moved = {
            weight.path.split("/")[-1]
            for weight, old in zip(weights, before, strict=True)
            if not np.array_equal(ops.convert_to_numpy(weight), old)
        }
        statistics = set() if freeze else {"moving_mean", "moving_variance"}
        assert moved == learned | statistics


def test_format_of_boxes_is_checked(parts):
    build, _, _ = parts
    with pytest.raises(ValueError, match="`bounding_box_format` must be one of"):
        build(bounding_box_format="corners")


def test_a_frozen_backbone_keeps_weights_and_statistics(parts):
    build, compile_model, draw = parts
    model = build()
    model.backbone.trainable = False
    compile_model(model)
    before, head = model.backbone.get_weights(), model.head.get_weights()
    model.fit(draw(4), verbose=0)
    keras.tree.map_structure(
        np.testing.assert_array_equal, before, model.backbone.get_weights()
    )
    assert not np.array_equal(head[-1], model.head.get_weights()[-1])


def test_config_of_a_subclass_has_the_arguments_that_it_passes_on():
    class Finder(Localizer):
        def __init__(self, backbone, *args, **kwargs):
            super().__init__(backbone, *args, **kwargs)

    given = {"num_classes": 4, "attention_weight": 0.7, "freeze_batch_norm": True}
    model = Finder(tiny.build_plain_backbone(), **given)
    again = Finder.from_config(model.get_config())
    assert {name: getattr(again, name) for name in given} == given


@pytest.mark.parametrize(
    "kind", ["localizer", pytest.param("detector", marks=pytest.mark.slow)]
)
def test_a_saved_model_has_every_argument_predicts_and_learns_on_alike(kind, tmp_path):
    build, compile_model, draw = BUILDS[kind]
    optimizer = DiscriminativeAdamW(1e-2, {"": 0.3, "head": 1.0})
    model = compile_model(build(**ARGUMENTS[kind]), optimizer=optimizer)
    batch, options = draw(4), {"batch_size": 2, "shuffle": False, "verbose": 0}
    model.fit(batch, **options)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    again.run_eagerly = True  # Keras does not save it
    config, other = model.get_config(), again.get_config()
    arguments = set(inspect.signature(type(model).__init__).parameters)
    assert ARGUMENTS[kind].keys() | arguments - {"self", "kwargs"} <= config.keys()
    for name, value in ARGUMENTS[kind].items():
        if name == "augmenter":
            assert again.augmenter.get_config() == value.get_config()
        else:
            assert other[name] == config[name] == value, name
    keras.tree.map_structure(
        np.testing.assert_array_equal,
        again.predict(batch["images"], verbose=0),
        model.predict(batch["images"], verbose=0),
    )
    logs, other_logs = (part.fit(batch, **options).history for part in (model, again))
    assert int(again.optimizer.iterations) == int(model.optimizer.iterations) == 4
    assert set(other_logs) == set(logs)
    assert other_logs["loss"] == pytest.approx(logs["loss"], rel=1e-4)
    for one, two in zip(model.weights, again.weights, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-5, err_msg=one.path)


@functools.cache
def predicted_and_trained(kind, bounding_box_format):
    """Found corners in pixels, logs of a step and the weights after it."""
    build, compile_model, draw = BUILDS[kind]
    batch = draw(4)
    size = batch["images"].shape[1:3]
    targets = batch["bounding_boxes"]
    written = boxes.convert_format(targets["boxes"], "xyxy", bounding_box_format, size)
    targets["boxes"] = ops.convert_to_numpy(written)
    model = build(bounding_box_format=bounding_box_format, augmenter=AUGMENTERS[kind])
    if kind == "localizer":  # far from where they begin, partly outside the image
        model.head.votes.bias.assign([1.0, -1.0, 2.0, 0.5])
    else:
        tiny.with_usual_weights(model)
    compile_model(model)
    found = model.predict(batch["images"], verbose=0)
    corners = boxes.convert_format(found["boxes"], bounding_box_format, "xyxy", size)
    logs = model.train_on_batch(batch, return_dict=True)
    exists = found["classes"] >= 0
    return ops.convert_to_numpy(corners)[exists], logs, model.get_weights()


# One in pixels and one in shares; `test_boxes` converts all.
@pytest.mark.parametrize("bounding_box_format", ["center_yxhw", "rel_xywh"])
@pytest.mark.parametrize("kind", BUILDS)
def test_a_format_changes_the_writing_of_boxes_and_nothing_else(
    kind, bounding_box_format
):
    expected, logs, weights = predicted_and_trained(kind, "xyxy")
    found, other_logs, others = predicted_and_trained(kind, bounding_box_format)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert other_logs == pytest.approx(logs, rel=1e-4)
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("build", [tiny.build_localizer, tiny.build_detector])
def test_a_copy_of_another_size_computes_the_same_of_what_both_see(build):
    model = build()
    tiny.randomize(model)
    side = model.image_shape[0]
    same, larger = model.at_image_size(side), model.at_image_size(side + 32)
    same.run_eagerly = True
    images = tiny.draw_photos(2, size=side)
    for one, other in zip(
        keras.tree.flatten(model.predict(images, verbose=0)),
        keras.tree.flatten(same.predict(images, verbose=0)),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    assert larger.image_shape == (side + 32, side + 32)
    for one, other in zip(model.get_weights(), larger.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_corners_are_in_pixels_of_the_model_or_of_the_side_that_is_given():
    values = np.array([[0.25, 0.5, 0.75, 1.0]], "float32")
    model = types.SimpleNamespace(bounding_box_format="rel_yxyx", image_shape=(32, 32))
    np.testing.assert_array_equal(corners_of(model, values), [[16, 8, 32, 24]])
    np.testing.assert_array_equal(corners_of(model, values, 64), [[32, 16, 64, 48]])
    # A model of a script's own may tell neither its format nor its size.
    own = types.SimpleNamespace()
    np.testing.assert_array_equal(corners_of(own, values, 64), values)
