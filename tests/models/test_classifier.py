"""`Classifier`: labels are learned from random views and told from whole images."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc import models
from ssl_voc.layers import SingleViewAugmenter
from ssl_voc.models import Classifier
from tests import tiny
from tests.dtype_policies import dtype_policy


def build_model(num_classes=3, dropout=0.2, run_eagerly=True):
    model = Classifier(
        tiny.build_backbone(20),
        num_classes,
        SingleViewAugmenter(20, area_range=(0.5, 1.0), color_strength=0.1, seed=0),
        dropout,
    )
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="top1")],
        run_eagerly=run_eagerly,
    )
    return model


@pytest.fixture
def photos():
    """Dark, middling and bright photos, and their labels."""
    labels = np.arange(18) % 3
    return tiny.draw_photos(18, size=24) // 3 + 80 * labels[:, None, None, None], labels


def test_fit_learns_what_the_labels_say_by_every_weight(photos):
    keras.utils.set_random_seed(0)
    model = build_model(run_eagerly=False)
    model.build((None, 24, 24, 3))
    before = [ops.convert_to_numpy(v).copy() for v in model.trainable_variables]
    history = model.fit(*photos, batch_size=9, epochs=30, verbose=0).history
    # Chance is ln(3) = 1.10.
    assert history["loss"][-1] < 0.7
    # In inference mode, too: the statistics of batch norm have followed.
    predicted = ops.convert_to_numpy(model(photos[0])).argmax(axis=1)
    assert np.mean(predicted == photos[1]) > 0.8
    # Kernel, scale and offset of 2 convolutions, kernel and bias of the dense layer.
    assert len(before) == 3 * 2 + 2
    for variable, old in zip(model.trainable_variables, before, strict=True):
        assert np.abs(ops.convert_to_numpy(variable) - old).max() > 1e-6, variable.path


def test_logits_are_a_dense_layer_on_pooled_features_of_the_resized_image(photos):
    model = build_model()
    features = model.backbone(model.augmenter(photos[0], training=False))
    pooled = ops.convert_to_numpy(features).mean(axis=(1, 2))
    logits = ops.convert_to_numpy(model(photos[0]))
    kernel, bias = map(ops.convert_to_numpy, model.classify.weights)
    np.testing.assert_allclose(logits, pooled @ kernel + bias, rtol=1e-4, atol=1e-5)


def test_evaluate_augments_drops_and_changes_nothing(photos):
    model = build_model(dropout=0.9)
    model.build((None, 24, 24, 3))
    before = [weight.copy() for weight in model.get_weights()]
    first, second = (model.evaluate(*photos, verbose=0) for _ in range(2))
    assert first == second
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    drawn = [ops.convert_to_numpy(model(photos[0], training=True)) for _ in range(2)]
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3


def test_training_drops_pooled_features(photos):
    model = build_model(dropout=0.9)
    model.augmenter = None
    model.backbone.trainable = False  # batch norm computes as at inference
    images = photos[0][:, :20, :20].astype("float32")
    drawn = [ops.convert_to_numpy(model(images, training=True)) for _ in range(2)]
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-4
    np.testing.assert_array_equal(model(images), model(images))


def test_saved_model_says_the_same_and_trains_on(photos, tmp_path):
    model = build_model(dropout=0.3)
    model.fit(*photos, batch_size=9, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(photos[0]), model(photos[0]), rtol=1e-5, atol=1e-6)
    assert again.augmenter.get_config() == model.augmenter.get_config()
    assert (again.num_classes, again.dropout) == (3, 0.3)
    again.run_eagerly = True  # Keras does not save it
    again.fit(*photos, batch_size=9, epochs=1, verbose=0)
    assert int(again.optimizer.iterations) == 4


def test_model_without_augmenter_saves_and_reloads(tmp_path):
    model = Classifier(tiny.build_backbone(20), 2)
    images = tiny.draw_photos(2, size=20).astype("float32")
    logits = model(images)
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(
        keras.models.load_model(tmp_path / "model.keras")(images), logits, rtol=1e-5
    )


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_with_float32_logits(photos, policy):
    with dtype_policy(policy):
        model = build_model()
        history = model.fit(*photos, batch_size=9, epochs=2, verbose=0).history
        logits = model(photos[0])
        features = model.backbone(model.augmenter(photos[0]))
    assert np.isfinite(history["loss"]).all()
    dtype = keras.backend.standardize_dtype
    assert dtype(features.dtype) == policy.removeprefix("mixed_")
    assert dtype(logits.dtype) == "float32"


@pytest.mark.slow
def test_whole_train_step_compiles_under_xla(photos, tmp_path):
    path = tiny.save_backbone(tmp_path / "tiny.keras", 20)
    model = Classifier(
        models.backbone(path, 20),  # with fused batch norm
        3,
        SingleViewAugmenter(20, blur_rate=0.5, solarize_rate=0.2, seed=0),
    )
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=True,
    )
    history = model.fit(
        *photos, batch_size=9, epochs=8, verbose=0, validation_data=photos
    ).history
    assert history["loss"][-1] < history["loss"][0]
    assert np.isfinite(history["val_loss"]).all()


def test_pooled_features_and_one_class_are_refused():
    inputs = keras.Input((20, 20, 3))
    pooled = keras.Model(inputs, keras.layers.GlobalMaxPooling2D()(inputs))
    with pytest.raises(ValueError, match="`backbone`"):
        Classifier(pooled, 2)
    with pytest.raises(ValueError, match="`num_classes`.*=1"):
        Classifier(tiny.build_backbone(20), 1)
