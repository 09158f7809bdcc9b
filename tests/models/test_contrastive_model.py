import keras
import numpy as np
import pytest
from keras import ops

import ssl_voc
from ssl_voc.layers import ProjectionHead, SimCLRAugmenter
from ssl_voc.losses import NTXentLoss
from ssl_voc.metrics import Alignment, ContrastiveAccuracy, Uniformity
from tests import reference, tiny

TEMPERATURE = 0.2


class Mirror(keras.layers.Layer):
    """Views without chance: every image and its mirror image."""

    def call(self, images):
        views = [images, ops.flip(images, axis=2)]
        return {"views": ops.cast(ops.concatenate(views, axis=0), "float32")}


def build_model(augmenter=None):
    model = ssl_voc.ContrastiveModel(
        tiny.build_backbone(20),
        augmenter or SimCLRAugmenter(20, seed=0),
        ProjectionHead(12, 8),
    )
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        NTXentLoss(TEMPERATURE),
        metrics=[ContrastiveAccuracy(), Alignment(), Uniformity()],
    )
    return model


@pytest.fixture
def photos():
    return tiny.draw_photos(12, size=24)


def pair_of(model, images):
    """The projections in inference mode, as NumPy arrays."""
    projections = model(images, training=False)["projections"]
    return np.split(ops.convert_to_numpy(projections), 2)


def test_fit_on_images_alone_lowers_the_loss(photos):
    keras.utils.set_random_seed(0)
    model = build_model()
    logs = model.fit(photos, batch_size=12, epochs=12, verbose=0).history
    names = ("loss", "loss_over_chance", "contrastive_top1", "alignment", "uniformity")
    assert set(names) == set(logs)
    assert logs["loss"][-1] < logs["loss"][0] - 0.2
    np.testing.assert_allclose(
        logs["loss_over_chance"], np.array(logs["loss"]) / np.log(23), rtol=1e-4
    )


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
    views = ops.convert_to_numpy(outputs["views"])
    assert views.shape == (8, 20, 20, 3)
    together = ops.convert_to_numpy(model.encode(views, training=True)["pooled"])
    np.testing.assert_allclose(outputs["pooled"], together, atol=1e-5)
    # Batch norm over each side alone would give something else.
    apart = [model.encode(side, training=True)["pooled"] for side in np.split(views, 2)]
    assert np.abs(np.concatenate(apart) - together).max() > 1e-4


def test_call_returns_what_dense_objectives_need(photos):
    outputs = build_model()(photos[:4])
    shapes = {name: tuple(value.shape) for name, value in outputs.items()}
    assert shapes == {
        "views": (8, 20, 20, 3),
        "boxes_rel_xyxy": (8, 4),
        "flips": (8,),
        "features": (8, 4, 4, 16),
        "pooled": (8, 16),
        "projections": (8, 8),
    }
    means = ops.convert_to_numpy(outputs["features"]).mean(axis=(1, 2))
    np.testing.assert_allclose(outputs["pooled"], means, rtol=1e-4, atol=1e-6)


def test_gradient_reaches_every_trainable_weight(photos):
    keras.utils.set_random_seed(1)
    model = build_model()
    model.build((None, 24, 24, 3))
    before = [ops.convert_to_numpy(v).copy() for v in model.trainable_variables]
    model.fit(photos, batch_size=12, epochs=1, verbose=0)
    # Kernel, scale and offset of 2 convolutions and 1 hidden layer, and the last
    # layer's kernel and bias.
    assert len(before) == 3 * 3 + 2
    for variable, old in zip(model.trainable_variables, before, strict=True):
        assert np.abs(ops.convert_to_numpy(variable) - old).max() > 1e-6, variable.path


def test_saved_model_has_the_same_features_and_trains_on(photos, tmp_path):
    model = build_model()
    model.fit(photos, batch_size=6, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    images = photos[:, :20, :20].astype("float32")
    np.testing.assert_allclose(
        again.backbone(images), model.backbone(images), rtol=1e-4, atol=1e-5
    )
    pooled = model.encode(images)["pooled"]
    np.testing.assert_allclose(
        again.project(pooled), model.project(pooled), rtol=1e-4, atol=1e-5
    )
    assert again.augmenter.get_config() == model.augmenter.get_config()
    assert again.loss.temperature == TEMPERATURE
    assert int(again.optimizer.iterations) == int(model.optimizer.iterations) == 4
    logs = again.fit(photos, batch_size=6, epochs=1, verbose=0).history
    assert np.isfinite(logs["loss"][0]) and "contrastive_top1" in logs
    assert int(again.optimizer.iterations) == 6


def test_backbone_alone_saves_and_reloads(photos, tmp_path):
    model = build_model()
    model.fit(photos, batch_size=6, epochs=1, verbose=0)
    model.backbone.save(tmp_path / "backbone.keras")
    again = keras.models.load_model(tmp_path / "backbone.keras")
    images = photos[:, :20, :20].astype("float32")
    np.testing.assert_allclose(again(images), model.backbone(images), atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_with_a_finite_float32_loss(photos, policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        keras.utils.set_random_seed(0)
        model = build_model()
        logs = model.fit(photos, batch_size=12, epochs=3, verbose=0).history
        outputs = model(photos[:2])
    finally:
        keras.config.set_dtype_policy(before)
    assert np.isfinite(logs["loss"]).all()
    dtype = keras.backend.standardize_dtype
    assert dtype(outputs["features"].dtype) == policy.removeprefix("mixed_")
    assert dtype(outputs["projections"].dtype) == "float32"
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}


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


def test_subclass_replaces_the_objective_and_adds_to_the_logs(photos):
    class NormModel(ssl_voc.ContrastiveModel):
        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **keywords)
            self.box_area = keras.metrics.Mean(name="box_area")

        def objective(self, outputs):
            widths = outputs["boxes_rel_xyxy"][:, 2] - outputs["boxes_rel_xyxy"][:, 0]
            loss = ops.mean(ops.square(outputs["projections"]))
            return loss, {"box_area": ops.mean(widths)}

    model = NormModel(
        tiny.build_backbone(20), SimCLRAugmenter(20, seed=0), ProjectionHead(12, 8)
    )
    model.compile(keras.optimizers.SGD(0.1))
    logs = model.fit(photos, batch_size=6, epochs=4, verbose=0).history
    assert logs["loss"][-1] < logs["loss"][0]
    assert 0.1 < logs["box_area"][0] < 1.0


def test_a_backbone_that_pools_is_refused():
    inputs = keras.Input((20, 20, 3))
    pooled = keras.Model(inputs, keras.layers.GlobalMaxPooling2D()(inputs))
    with pytest.raises(ValueError, match="`backbone` must end in feature maps"):
        ssl_voc.ContrastiveModel(pooled, SimCLRAugmenter(20))
