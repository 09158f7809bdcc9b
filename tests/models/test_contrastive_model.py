"""`ContrastiveModel`: views, logs, saving and the seams for other objectives."""

import keras
import numpy as np
import pytest
from keras import ops

import ssl_voc
from ssl_voc.layers import ProjectionHead, SimCLRAugmenter
from ssl_voc.losses import NTXentLoss
from ssl_voc.metrics import Alignment, ContrastiveAccuracy, Uniformity
from tests import reference, tiny
from tests.dtype_policies import dtype_policy
from tests.models.fixed_views import Mirror

TEMPERATURE = 0.2


class MultiCrop(keras.layers.Layer):
    """Views without chance: the image, its mirror image and a corner of it."""

    def call(self, images):
        images = ops.cast(images, "float32")
        return {"views": [images, ops.flip(images, axis=2), images[:, :12, :12]]}


def build_model(augmenter=None, loss=None, **compiled):
    compiled.setdefault("run_eagerly", True)  # quick for a few steps
    model = ssl_voc.ContrastiveModel(
        tiny.build_backbone(20),
        augmenter or SimCLRAugmenter(20, seed=0),
        ProjectionHead(12, 8),
    )
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        loss or NTXentLoss(TEMPERATURE),
        metrics=[ContrastiveAccuracy(), Alignment(), Uniformity()],
        **compiled,
    )
    return model


@pytest.fixture
def photos():
    return tiny.draw_photos(12, size=24)


def pair_of(model, images):
    """The projections in inference mode, as NumPy arrays."""
    projections = model(images, training=False)["projections"]
    return [ops.convert_to_numpy(view) for view in projections]


def test_fit_on_images_alone_lowers_the_loss_by_every_weight(photos):
    keras.utils.set_random_seed(0)
    model = build_model(run_eagerly=False)
    model.build((None, 24, 24, 3))
    before = [ops.convert_to_numpy(v).copy() for v in model.trainable_variables]
    logs = model.fit(photos, batch_size=12, epochs=12, verbose=0).history
    names = ("loss", "loss_over_chance", "contrastive_top1", "alignment", "uniformity")
    assert set(names) == set(logs)
    assert logs["loss"][-1] < logs["loss"][0] - 0.2
    np.testing.assert_allclose(
        logs["loss_over_chance"], np.array(logs["loss"]) / np.log(23), rtol=1e-4
    )
    # Kernel, scale and offset of 2 convolutions and 1 hidden layer, and the last
    # layer's kernel and bias.
    assert len(before) == 3 * 3 + 2
    for variable, old in zip(model.trainable_variables, before, strict=True):
        assert np.abs(ops.convert_to_numpy(variable) - old).max() > 1e-6, variable.path


def test_logs_of_evaluate_are_those_of_the_loops():
    images = tiny.draw_photos(6, size=20)
    model = build_model(Mirror())
    logs = model.evaluate(images, batch_size=6, return_dict=True, verbose=0)
    pair = pair_of(model, images)
    loss = reference.nt_xent(*pair, TEMPERATURE)
    expected = {
        "loss": loss,
        "loss_over_chance": loss / np.log(11),
        "contrastive_top1": reference.contrastive_accuracy(*pair),
        "alignment": reference.alignment(*pair),
        "uniformity": reference.uniformity(*pair),
    }
    assert logs == pytest.approx(expected, rel=1e-4)


def test_evaluate_draws_two_different_views(photos):
    model = build_model()
    first = model.evaluate(photos, batch_size=12, return_dict=True, verbose=0)
    # Two equal views would lie at a distance of 0.
    assert first["alignment"] > 1e-3
    second = model.evaluate(photos, batch_size=12, return_dict=True, verbose=0)
    assert second["alignment"] != first["alignment"]


def test_both_views_go_through_the_encoder_as_one_batch(photos):
    model = build_model(Mirror())
    outputs = model(photos[:4, :20, :20], training=True)
    views = [ops.convert_to_numpy(view) for view in outputs["views"]]
    pooled = np.concatenate(outputs["pooled"])
    together = model.backbone(np.concatenate(views), training=True)
    means = ops.convert_to_numpy(together).mean(axis=(1, 2))
    np.testing.assert_allclose(pooled, means, atol=1e-5)
    # Batch norm over each side alone would give something else.
    apart = [model.encode([view], training=True)["pooled"][0] for view in views]
    assert np.abs(np.concatenate(apart) - pooled).max() > 1e-4


def test_call_returns_what_dense_objectives_need(photos):
    outputs = build_model()(photos[:4])
    shapes = {name: [tuple(v.shape) for v in views] for name, views in outputs.items()}
    assert shapes == {
        "views": [(4, 20, 20, 3)] * 2,
        "boxes_rel_xyxy": [(4, 4)] * 2,
        "flips": [(4,)] * 2,
        "features": [(4, 4, 4, 16)] * 2,
        "pooled": [(4, 16)] * 2,
        "projections": [(4, 8)] * 2,
    }
    for features, pooled in zip(outputs["features"], outputs["pooled"], strict=True):
        means = ops.convert_to_numpy(features).mean(axis=(1, 2))
        np.testing.assert_allclose(pooled, means, rtol=1e-4, atol=1e-6)


def test_views_of_any_number_and_size_are_encoded_by_size_and_lost_by_pair(photos):
    images = photos[:4, :20, :20]
    model = build_model(MultiCrop())
    model.backbone = tiny.build_backbone(None)
    outputs = model(images, training=True)
    large = model.encode(outputs["views"][:2], training=True)["pooled"]
    (small,) = model.encode(outputs["views"][2:], training=True)["pooled"]
    for pooled, alone in zip(outputs["pooled"], [*large, small], strict=True):
        np.testing.assert_allclose(pooled, alone, rtol=1e-4, atol=1e-5)
    assert outputs["features"][2].shape == (4, 2, 2, 16)
    logs = model.evaluate(images, batch_size=4, return_dict=True, verbose=0)
    a, b, c = pair_of(model, images)
    losses = [
        reference.nt_xent(*pair, TEMPERATURE) for pair in ((a, b), (a, c), (b, c))
    ]
    assert logs["loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    assert logs["alignment"] == pytest.approx(reference.alignment(a, b), rel=1e-4)


def test_weights_of_pairs_reach_the_loss_and_the_weighted_metrics():
    images = tiny.draw_photos(6, size=20)
    error = keras.metrics.MeanSquaredError(name="error")
    model = build_model(
        Mirror(), keras.losses.MeanSquaredError(), weighted_metrics=[error]
    )
    weights = np.array([0.0, 0.5, 1.0, 2.0, 0.0, 3.0], "float32")
    logs = model.evaluate(
        images,
        np.zeros(6),  # Keras drops the weights of images without targets.
        batch_size=6,
        sample_weight=weights,
        return_dict=True,
        verbose=0,
    )
    pair_a, pair_b = pair_of(model, images)
    errors = np.square(pair_a - pair_b).mean(axis=1)
    assert logs["loss"] == pytest.approx(np.mean(weights * errors), rel=1e-4)
    assert logs["error"] == pytest.approx(np.average(errors, weights=weights), rel=1e-4)


def test_saved_model_has_the_same_features_and_trains_on(photos, tmp_path):
    model = build_model()
    model.fit(photos, batch_size=6, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    images = photos[:, :20, :20].astype("float32")
    np.testing.assert_allclose(
        again.backbone(images), model.backbone(images), rtol=1e-4, atol=1e-5
    )
    (pooled,) = model.encode([images])["pooled"]
    np.testing.assert_allclose(
        again.project([pooled])[0], model.project([pooled])[0], rtol=1e-4, atol=1e-5
    )
    assert again.augmenter.get_config() == model.augmenter.get_config()
    assert again.loss.temperature == TEMPERATURE
    assert int(again.optimizer.iterations) == int(model.optimizer.iterations) == 4
    again.run_eagerly = True  # Keras does not save it
    logs = again.fit(photos, batch_size=6, epochs=1, verbose=0).history
    assert np.isfinite(logs["loss"][0]) and "contrastive_top1" in logs
    assert int(again.optimizer.iterations) == 6


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_with_a_finite_float32_loss(photos, policy):
    with dtype_policy(policy):
        keras.utils.set_random_seed(0)
        model = build_model()
        logs = model.fit(photos, batch_size=12, epochs=3, verbose=0).history
        outputs = model(photos[:2])
    assert np.isfinite(logs["loss"]).all()
    dtype = keras.backend.standardize_dtype
    assert dtype(outputs["features"][0].dtype) == policy.removeprefix("mixed_")
    assert dtype(outputs["projections"][0].dtype) == "float32"
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}


@pytest.mark.slow
def test_whole_train_step_compiles_under_xla(tmp_path):
    path = tiny.save_backbone(tmp_path / "tiny.keras", 20)
    keras.utils.set_random_seed(0)
    model = ssl_voc.ContrastiveModel(
        ssl_voc.backbone(path, 20),  # with fused batch norm
        SimCLRAugmenter(20, solarize_rate=0.2, seed=0),
        ProjectionHead(12, 8),
    )
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        NTXentLoss(TEMPERATURE),
        metrics=[ContrastiveAccuracy(), Alignment(), Uniformity()],
        jit_compile=True,
    )
    photos = tiny.draw_photos(12, size=24)
    logs = model.fit(photos, batch_size=12, epochs=8, verbose=0).history
    assert logs["loss"][-1] < logs["loss"][0] - 0.2
    assert np.isfinite(list(logs.values())).all()


def test_a_last_batch_of_one_image_does_not_spoil_the_logs():
    images = tiny.draw_photos(13, size=20)
    logs = build_model().fit(images, batch_size=6, verbose=0, shuffle=False).history
    assert np.isfinite([values[0] for values in logs.values()]).all()
    # Two batches count; the image without rivals does not.
    assert logs["loss_over_chance"][0] > 0.5


def test_a_short_last_batch_counts_less_in_the_logs():
    images = tiny.draw_photos(7, size=20)
    model = build_model(Mirror())
    logs = model.evaluate(images, batch_size=6, return_dict=True, verbose=0)
    loss = reference.nt_xent(*pair_of(model, images[:6]), TEMPERATURE)
    # The seventh is without rivals: told by chance alone.
    expected = (6 * loss / np.log(11) + 1) / 7
    assert logs["loss_over_chance"] == pytest.approx(expected, rel=1e-4)


def test_a_loss_without_a_chance_level_is_not_compared_with_one(photos):
    model = build_model(loss=keras.losses.MeanSquaredError())
    logs = model.fit(photos, batch_size=6, verbose=0).history
    assert set(logs) == {"loss", "contrastive_top1", "alignment", "uniformity"}


def test_subclass_adds_to_the_compiled_loss_and_to_the_logs():
    class WidthModel(ssl_voc.ContrastiveModel):
        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **keywords)
            self.spread = keras.metrics.Mean(name="spread")

        def objective(self, outputs):
            a, b = outputs["projections"]
            spread = ops.mean(ops.square(a))
            return 2.0 * self.pair_loss(a, b) + spread, {"spread": spread}

    images = tiny.draw_photos(6, size=20)
    model = WidthModel(tiny.build_backbone(20), Mirror(), ProjectionHead(12, 8))
    model.compile(keras.optimizers.SGD(0.1), NTXentLoss(TEMPERATURE), run_eagerly=True)
    logs = model.evaluate(images, batch_size=6, return_dict=True, verbose=0)
    a, b = pair_of(model, images)
    spread = np.square(a).mean()
    assert logs["spread"] == pytest.approx(spread, rel=1e-4)
    loss = 2.0 * reference.nt_xent(a, b, TEMPERATURE) + spread
    assert logs["loss"] == pytest.approx(loss, rel=1e-4)


def test_a_backbone_that_pools_is_refused():
    inputs = keras.Input((20, 20, 3))
    pooled = keras.Model(inputs, keras.layers.GlobalMaxPooling2D()(inputs))
    with pytest.raises(ValueError, match="`backbone`"):
        ssl_voc.ContrastiveModel(pooled, SimCLRAugmenter(20))
