"""`MultiCropModel`: which views are compared, and how much each pair weighs."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import MultiCropAugmenter, ProjectionHead, SimCLRAugmenter
from ssl_voc.losses import DCLLoss
from ssl_voc.models import MultiCropModel
from tests import reference, tiny


class Corners(keras.layers.Layer):
    """Views without chance: image, mirror image, and three corners of half the side."""

    def call(self, images):
        images = ops.cast(images, "float32")
        half = images.shape[1] // 2
        corners = [
            images[:, :half, :half],
            images[:, half:, :half],
            images[:, half:, half:],
        ]
        return {"views": [images, ops.flip(images, axis=2), *corners]}


def build_model(augmenter=None, run_eagerly=True, **arguments):
    keras.utils.set_random_seed(0)
    model = MultiCropModel(
        tiny.build_backbone(None),
        augmenter or MultiCropAugmenter(24, seed=0),
        ProjectionHead(12, 8),
        **arguments,
    )
    model.compile(keras.optimizers.SGD(0.1), DCLLoss(0.2), run_eagerly=run_eagerly)
    return model


@pytest.mark.parametrize("weight", [0.6, 0.9])
def test_loss_is_that_of_the_loops_over_pairs_with_a_global_view(weight):
    images = tiny.draw_photos(6, size=24)
    model = build_model(Corners(), local_weight=weight)
    logs = model.evaluate(images, batch_size=6, return_dict=True, verbose=0)
    projections = model(images, training=False)["projections"]
    views = [ops.convert_to_numpy(view) for view in projections]
    of_globals = reference.dcl(views[0], views[1], 0.2, 0.0)
    of_locals = np.mean(
        [
            reference.dcl(views[anchor], views[local], 0.2, 0.0)
            for anchor in (0, 1)
            for local in (2, 3, 4)
        ]
    )
    loss = (1 - weight) * of_globals + weight * of_locals
    expected = {
        "loss": loss,
        "loss_over_chance": loss / np.log(10),
        "local_loss": of_locals,
    }
    assert logs == pytest.approx(expected, rel=1e-4)


def test_views_without_local_ones_are_refused():
    model = build_model(SimCLRAugmenter(24))
    with pytest.raises(ValueError, match="must draw local views.*Received: 2 views"):
        model.evaluate(tiny.draw_photos(4, size=24), batch_size=4, verbose=0)


def test_local_views_pass_the_backbone_as_one_batch_of_their_own():
    images = tiny.draw_photos(4, size=24)
    model = build_model(Corners())
    outputs = model(images, training=True)
    local = ops.concatenate(outputs["views"][2:], axis=0)
    together = ops.convert_to_numpy(model.backbone(local, training=True))
    found = np.concatenate([ops.convert_to_numpy(v) for v in outputs["features"][2:]])
    np.testing.assert_allclose(found, together, rtol=1e-4, atol=1e-5)


def test_fit_lowers_the_loss_of_both_kinds_of_pairs():
    model = build_model(MultiCropAugmenter(24, num_local=2, seed=0), run_eagerly=False)
    logs = model.fit(tiny.draw_photos(12, size=28), batch_size=12, epochs=15, verbose=0)
    for name in ("loss", "local_loss", "loss_over_chance"):
        values = logs.history[name]
        assert np.mean(values[-3:]) < np.mean(values[:2]) - 0.05, name


def test_saved_model_keeps_its_weight_and_views(tmp_path):
    model = build_model(local_weight=0.7)
    model.fit(tiny.draw_photos(4, size=28), batch_size=4, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.local_weight == 0.7
    assert again.augmenter.get_config() == model.augmenter.get_config()
