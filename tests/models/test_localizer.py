"""Fitting, saving and asking a localizer; what it learns from is tested beside this."""

import keras
import numpy as np
import pytest
from keras import ops

import ssl_voc
from ssl_voc.layers import LocalizationAugmenter, LocalizationHead
from ssl_voc.optimizers import DiscriminativeAdamW
from tests import box_reference, tiny
from tests.dtype_policies import dtype_policy


def with_changed_scores(model):
    """Gives the last layers weights of a usual size, so that predictions differ."""
    random = np.random.default_rng(0)
    head = model.head
    for layer, deviation in ((head.votes, 0.5), (head.weighing, 0.5)):
        layer.kernel.assign(random.normal(0.0, deviation, layer.kernel.shape))
    head.classifier.kernel.assign(random.normal(0.0, 9.0, head.classifier.kernel.shape))
    return model


@pytest.mark.slow
def test_eight_photos_are_learned_by_heart(tmp_path):
    path = tiny.save_backbone(tmp_path / "tiny.keras")
    model = tiny.build_localizer(lambda: ssl_voc.backbone(path, 32))
    tiny.compile_localizer(
        model, optimizer=keras.optimizers.Adam(5e-3), run_eagerly=False
    )
    batch = tiny.labeled_batch(8)
    model.fit(batch, batch_size=8, epochs=120, verbose=0)
    logs = model.evaluate(batch, verbose=0, return_dict=True)
    assert logs["boxes_mean_iou"] > 0.8
    assert logs["classes_top1"] == 1.0
    # Not the model's own metrics: the boxes and classes that a user gets.
    predicted = model.predict(batch["images"], verbose=0)
    ious = [
        box_reference.iou(*pair)
        for pair in zip(
            predicted["boxes"][:, 0],
            batch["bounding_boxes"]["boxes"][:, 0],
            strict=True,
        )
    ]
    assert np.mean([*ious]) == pytest.approx(logs["boxes_mean_iou"], abs=0.01)
    np.testing.assert_array_equal(
        predicted["classes"], batch["bounding_boxes"]["classes"]
    )


def test_predictions_are_those_of_call_as_numpy_arrays():
    model = with_changed_scores(tiny.build_localizer())
    model.run_eagerly = False  # as for users
    images = np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3), "uint8")
    images[::2] //= 4
    predicted = model.predict(images, batch_size=2, verbose=0)
    outputs = model(images.astype("float32"))
    kinds = {name: (value.shape, value.dtype) for name, value in predicted.items()}
    assert kinds == {
        "boxes": ((5, 1, 4), np.dtype("float32")),
        "classes": ((5, 1), np.dtype("int32")),
        "confidence": ((5, 1), np.dtype("float32")),
        "scores": ((5, 3), np.dtype("float32")),
    }
    logits = ops.convert_to_numpy(outputs["classes"])
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(predicted["scores"], scores, rtol=1e-4)
    np.testing.assert_array_equal(predicted["classes"][:, 0], scores.argmax(axis=1))
    np.testing.assert_allclose(predicted["confidence"][:, 0], scores.max(1), rtol=1e-4)
    assert len(set(predicted["classes"][:, 0])) > 1
    expected = np.clip(ops.convert_to_numpy(outputs["boxes"]), 0, 32)
    np.testing.assert_allclose(predicted["boxes"], expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("bounding_box_format", ["xyxy", "rel_xywh"])
def test_predicted_boxes_end_at_the_image(bounding_box_format):
    model = tiny.build_localizer(bounding_box_format=bounding_box_format)
    model.head.votes.bias.assign([5.0, 5.0, 5.0, 5.0])
    images = tiny.labeled_batch(2)["images"]
    raw = ops.convert_to_numpy(model(images.astype("float32"))["boxes"])
    predicted = model.predict(images, verbose=0)["boxes"]
    whole = {"xyxy": [0, 0, 32, 32], "rel_xywh": [0, 0, 1, 1]}[bounding_box_format]
    assert np.all(np.abs(raw - whole) > 0.1)
    np.testing.assert_allclose(predicted, [[whole]] * 2)


@pytest.mark.parametrize("given_as", ["images and targets", "dataset"])
def test_each_way_to_give_the_batches_takes_the_same_steps(given_as):
    batch = tiny.labeled_batch(8)
    model, other = (tiny.compile_localizer(tiny.build_localizer()) for _ in range(2))
    options = {"shuffle": False, "verbose": 0}
    logs = model.fit(batch, batch_size=4, **options).history
    if given_as == "dataset":
        tf = pytest.importorskip("tensorflow")
        dataset = tf.data.Dataset.from_tensor_slices(batch).batch(4)
        other_logs = other.fit(dataset, **options).history
    else:
        pair = batch["images"], batch["bounding_boxes"]
        other_logs = other.fit(*pair, batch_size=4, **options).history
    assert other_logs == {
        name: pytest.approx(value, rel=1e-4) for name, value in logs.items()
    }
    for one, two in zip(model.weights, other.weights, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6, err_msg=one.path)


def test_default_head_fits_the_number_of_classes():
    model = ssl_voc.Localizer(tiny.build_backbone(32), 7)
    assert isinstance(model.head, LocalizationHead)
    images = tiny.labeled_batch(2)["images"].astype("float32")
    assert tuple(model(images)["classes"].shape) == (2, 7)


def test_a_copy_of_another_size_votes_for_boxes_of_as_many_pixels(tmp_path):
    model = tiny.build_localizer()
    for layer in (model.head.votes, model.head.weighing):
        layer.kernel.assign(ops.zeros_like(layer.kernel))
    model.head.votes.bias.assign([0.3, -1.0, 0.6, 0.0])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    sides = {}
    for part in (model, loaded.at_image_size(64)):
        images = np.zeros((1, *part.image_shape, 3), "float32")
        box = ops.convert_to_numpy(part(images)["boxes"])[0, 0]
        sides[part.image_shape[0]] = box[2:] - box[:2]
    np.testing.assert_allclose(sides[64], sides[32], rtol=1e-3)
    assert sides[32].min() > 10


def test_head_and_backbone_learn_at_rates_of_their_own():
    model = tiny.build_localizer()
    rates = DiscriminativeAdamW(1e-2, {"": 0.3, "localization_head": 1.0}, 0.0)
    tiny.compile_localizer(model, optimizer=rates)
    before = [ops.convert_to_numpy(weight) for weight in model.trainable_weights]
    model.train_on_batch(tiny.labeled_batch(4))
    moved = [
        np.abs(ops.convert_to_numpy(weight) - old).max()
        for weight, old in zip(model.trainable_weights, before, strict=True)
    ]
    # Adam's first step is the rate, whatever the gradient.
    count = len(model.backbone.trainable_weights)
    assert moved[:count] == pytest.approx([3e-3] * count, rel=1e-2)
    # A number added to all logits of the attention has no gradient.
    assert np.median(moved[count:]) == pytest.approx(1e-2, rel=1e-2)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_gives_float32_and_nearly_the_same(policy):
    images = tiny.labeled_batch(4)["images"]
    exact = with_changed_scores(tiny.build_localizer()).predict(images, verbose=0)
    with dtype_policy(policy):
        model = with_changed_scores(tiny.build_localizer())
    outputs = model(images)
    assert {keras.backend.standardize_dtype(v.dtype) for v in outputs.values()} == {
        "float32"
    }
    narrow = policy.removeprefix("mixed_")
    assert model.head.convolutions[0].compute_dtype == narrow
    predicted = model.predict(images, verbose=0)
    np.testing.assert_allclose(predicted["boxes"], exact["boxes"], atol=0.5)
    tiny.compile_localizer(model)
    logs = model.fit(tiny.labeled_batch(4), verbose=0).history
    assert np.isfinite(list(logs.values())).all()
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}


@pytest.mark.slow
def test_xla_computes_the_same_losses():
    batch = tiny.labeled_batch(8)
    losses = {}
    for jit_compile in (False, True):
        model = tiny.build_localizer(tiny.build_backbone)
        optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
        tiny.compile_localizer(
            model, optimizer=optimizer, run_eagerly=False, jit_compile=jit_compile
        )
        logs = model.fit(batch, batch_size=4, epochs=2, shuffle=False, verbose=0)
        losses[jit_compile] = logs.history["loss"]
    assert losses[True] == pytest.approx(losses[False], rel=1e-3)
    assert losses[True][0] != losses[True][1]


@pytest.mark.slow
def test_whole_train_step_with_augmentation_compiles_under_xla():
    augmenter = LocalizationAugmenter(32, seed=0)
    model = tiny.build_localizer(tiny.build_backbone, 0, 0.1, augmenter=augmenter)
    tiny.compile_localizer(
        model,
        optimizer=keras.optimizers.Adam(1e-2),
        run_eagerly=False,
        jit_compile=True,
    )
    logs = model.fit(tiny.labeled_batch(8), batch_size=8, epochs=15, verbose=0).history
    assert np.isfinite(list(logs.values())).all()
    assert np.mean(logs["loss"][-3:]) < np.mean(logs["loss"][:3]) - 0.3


def test_backbones_that_pool_or_have_no_size_are_refused():
    inputs = keras.Input((32, 32, 3))
    pooled = keras.Model(inputs, keras.layers.GlobalMaxPooling2D()(inputs))
    with pytest.raises(ValueError, match="must end in feature maps.*leave pooling"):
        ssl_voc.Localizer(pooled, 3)
    with pytest.raises(ValueError, match="build the backbone with an `image_size`"):
        ssl_voc.Localizer(tiny.build_backbone(None), 3)
