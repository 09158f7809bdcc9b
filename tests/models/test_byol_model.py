"""`BYOLModel`: crossed views, teacher in the loss, saving, XLA."""

import keras
import numpy as np
import pytest
from keras import ops

import ssl_voc
from ssl_voc.layers import ProjectionHead, SimCLRAugmenter
from ssl_voc.losses import BYOLLoss, NTXentLoss
from ssl_voc.metrics import ProjectionSpread
from ssl_voc.models import BYOLModel
from tests import reference, tiny
from tests.dtype_policies import dtype_policy


class Views(keras.layers.Layer):
    """Views without chance: the image, its mirror image, and it at half brightness."""

    def __init__(self, number):
        super().__init__()
        self.number = number

    def call(self, images):
        images = ops.cast(images, "float32")
        return {"views": [images, images[:, :, ::-1], images / 2][: self.number]}


def build_model(augmenter=None, backbone=None, loss=None, **compiled):
    compiled.setdefault("run_eagerly", True)  # quick for a few steps
    keras.utils.set_random_seed(0)
    model = BYOLModel(
        backbone or tiny.build_backbone(20),
        augmenter or SimCLRAugmenter(20, seed=0),
        ProjectionHead(12, 8),
        ProjectionHead(12, 8),
        momentum=0.9,
    )
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        loss or BYOLLoss(),
        metrics=[ProjectionSpread()],
        **compiled,
    )
    return model


def part_ways(model):
    """Makes student and teacher differ."""
    tiny.randomize(model.backbone)
    tiny.randomize(model.projection_head, seed=1)
    tiny.randomize(model.predictor, seed=2)


@pytest.mark.parametrize("number", [2, 3])
def test_each_view_predicts_the_teachers_projections_of_the_others(number):
    images = tiny.draw_photos(6, size=20)
    model = build_model(Views(number))
    part_ways(model)
    logs = model.evaluate(images, batch_size=6, return_dict=True, verbose=0)
    outputs = model(images, training=False)
    expected = []
    for i, view in enumerate(outputs["views"]):
        maps = ops.convert_to_numpy(model.teacher_backbone(view))
        targets = ops.convert_to_numpy(model.teacher_head(maps.mean(axis=(1, 2))))
        for j, predictions in enumerate(outputs["predictions"]):
            if i != j:
                expected += [
                    2 - 2 * reference.cosine(target, prediction)
                    for target, prediction in zip(targets, predictions, strict=True)
                ]
    assert len(expected) == 6 * number * (number - 1)
    assert logs["loss"] == pytest.approx(np.mean(expected), rel=1e-4)
    assert set(logs) == {"loss", "spread"}


def test_a_loss_with_a_chance_level_is_compared_with_it():
    model = build_model(Views(2), loss=NTXentLoss(0.2))
    images = tiny.draw_photos(6, size=20)
    logs = model.evaluate(images, batch_size=6, return_dict=True, verbose=0)
    assert logs["loss_over_chance"] == pytest.approx(logs["loss"] / np.log(11))


def test_evaluation_leaves_the_teacher_alone():
    model = build_model()
    part_ways(model)
    before = model.get_weights()
    model.evaluate(tiny.draw_photos(6, size=24), verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_fit_lowers_the_loss_without_collapse_by_every_weight_of_the_student():
    photos = tiny.draw_photos(12, size=24)
    model = build_model(run_eagerly=False)
    before = [ops.convert_to_numpy(v).copy() for v in model.trainable_variables]
    # Convolutions, head and predictor; the last layers have a bias.
    assert len(before) == 2 * 3 + 2 * (3 + 2)
    logs = model.fit(photos, batch_size=6, epochs=12, verbose=0).history
    assert logs["loss"][-1] < 0.5 * logs["loss"][0]
    assert logs["spread"][-1] > 0.1
    # The predictor's batch norm takes an offset of all projections away.
    idle = id(model.projection_head.stack[-1].bias)
    for variable, old in zip(model.trainable_variables, before, strict=True):
        change = np.abs(ops.convert_to_numpy(variable) - old).max()
        assert change > 1e-6 or id(variable) == idle, variable.path


def test_saved_model_goes_on_with_its_teacher(tmp_path):
    images = tiny.draw_photos(6, size=20)
    model = build_model(ssl_voc.layers.SimCLRAugmenter(20, seed=1))
    model.fit(images, batch_size=6, epochs=2, verbose=0)
    model.anneal(0.5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    names = [weight.path for weight in model.weights]
    for name, own, other in zip(
        names, model.get_weights(), again.get_weights(), strict=True
    ):
        if "seed_generator" not in name:
            np.testing.assert_array_equal(own, other, err_msg=name)
    assert float(again.teacher_head.current_momentum) == pytest.approx(0.95)
    again.run_eagerly = True  # Keras does not save it
    logs = again.fit(images, batch_size=6, verbose=0).history
    assert np.isfinite(logs["loss"][0]) and set(logs) == {"loss", "spread"}


@pytest.mark.slow
def test_step_with_fused_batch_norm_compiles_under_xla_in_half_precision(tmp_path):
    with dtype_policy("mixed_float16"):
        path = tiny.save_backbone(tmp_path / "tiny.keras", 20)
        backbone = ssl_voc.backbone(path, 20)
        model = build_model(backbone=backbone, run_eagerly=False, jit_compile=True)
        photos = tiny.draw_photos(12, size=24)
        logs = model.fit(photos, batch_size=12, epochs=3, verbose=0).history
    assert np.isfinite(list(logs.values())).all()
    weights = model.teacher_backbone.network.weights
    assert {weight.dtype for weight in weights} == {"float32"}
