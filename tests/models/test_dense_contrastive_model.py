"""`DenseContrastiveModel`: cells of stride 8 and 16 beside the pooled features."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import OverlappingViewsAugmenter, ProjectionHead
from ssl_voc.layers.cell_matching import match_cells
from ssl_voc.losses import DCLLoss
from ssl_voc.models import DenseContrastiveModel
from ssl_voc.models.cloning import resized
from tests import reference, tiny
from tests.dtype_policies import dtype_policy
from tests.layers.simclr_views import STRONG


class TwoCrops(keras.layers.Layer):
    """Views without chance: the left of images, and their right mirrored."""

    def call(self, images):
        images = ops.cast(images, "float32")
        zeros = ops.zeros_like(images[:, 0, 0, :1])
        ones = zeros + 1.0
        left = ops.concatenate([zeros, zeros, 0.75 * ones, ones], axis=1)
        right = ops.concatenate([0.25 * ones, zeros, ones, ones], axis=1)
        flips = zeros[:, 0] > 0.5
        return {
            "views": [images[:, :, :32], ops.flip(images[:, :, -32:], axis=2)],
            "boxes_rel_xyxy": [left, right],
            "flips": [flips, ops.logical_not(flips)],
        }


def build_model(augmenter=None, run_eagerly=True, **arguments):
    keras.utils.set_random_seed(0)
    model = DenseContrastiveModel(
        tiny.build_deep_backbone(32),
        augmenter or OverlappingViewsAugmenter(32, seed=0),
        ProjectionHead(12, 8),
        temperature=0.2,
        **arguments,
    )
    model.compile(keras.optimizers.SGD(0.1), DCLLoss(0.2), run_eagerly=run_eagerly)
    return model


@pytest.fixture
def photos():
    return tiny.draw_photos(6, size=42)[:, :32]


@pytest.mark.parametrize(("weight", "ramp"), [(0.5, 1.0), (0.8, 0.25)])
def test_loss_is_the_weighted_sum_of_the_loops(photos, weight, ramp):
    model = build_model(TwoCrops(), dense_weight=weight)
    model.ramp.assign(ramp)
    logs = model.evaluate(photos, batch_size=6, return_dict=True, verbose=0)
    outputs = model(photos, training=False)
    pooled = map(ops.convert_to_numpy, outputs["projections"])
    of_views = reference.dcl(*pooled, 0.2, 0.0)
    of_strides, shares = [], []
    offsets = ops.convert_to_numpy(model.cell_offsets)
    for stride, side, offset in ((8, 4, offsets[0]), (16, 2, offsets[1])):
        (left, right), (upright, mirrored) = outputs["boxes_rel_xyxy"], outputs["flips"]
        matches = match_cells(
            left, upright, right, mirrored, (side, side), offset=offset
        )
        matches = ops.convert_to_numpy(matches)
        cells = map(ops.convert_to_numpy, outputs[f"cells_{stride}"])
        of_photos = reference.dense_contrast(*cells, matches, 0.2)
        of_strides.append(np.mean(of_photos))
        shares.append(matches.any(axis=2).mean())
    dense, weight = np.mean(of_strides), weight * ramp
    loss = (1 - weight) * of_views + weight * dense
    expected = {
        "loss": loss,
        "loss_over_chance": loss / np.log(10),
        "dense_loss": dense,
        "matched_share": np.mean(shares),
    }
    assert logs == pytest.approx(expected, rel=1e-4)


def test_cells_look_where_padding_on_one_side_lets_them(photos):
    model = build_model(TwoCrops())
    model(photos, training=False)
    # Half a pixel of each convolution's input: 3.5 px of stride 8, 7.5 of 16.
    np.testing.assert_allclose(model.cell_offsets, [3.5 / 8, 7.5 / 16], atol=1e-3)


def test_cells_are_projections_of_the_maps_of_one_backbone_pass(photos):
    model = build_model(TwoCrops())
    outputs = model(photos, training=False)
    for stride, side in ((8, 4), (16, 2)):
        assert outputs[f"level_{stride}"][1].shape == (6, side, side, 16)
        assert outputs[f"cells_{stride}"][1].shape == (6, side * side, 256)
    view = outputs["views"][1]
    np.testing.assert_allclose(
        outputs["features"][1], model.backbone(view), rtol=1e-4, atol=1e-5
    )
    # Row 1, column 2 of four.
    cell = model.cell_heads[0](outputs["level_8"][1][:, 1, 2])
    np.testing.assert_allclose(outputs["cells_8"][1][:, 6], cell, rtol=1e-4, atol=1e-5)


def test_fit_lowers_both_terms_by_every_weight(photos):
    augmenter = OverlappingViewsAugmenter(32, seed=0, **STRONG)
    model = build_model(augmenter, run_eagerly=False)
    model.build((None, 42, 42, 3))
    before = [ops.convert_to_numpy(v).copy() for v in model.trainable_variables]
    square = tiny.draw_photos(8, size=42)
    logs = model.fit(square, batch_size=8, epochs=15, verbose=0).history
    assert np.mean(logs["dense_loss"][-3:]) < logs["dense_loss"][0] - 0.3
    assert logs["loss_over_chance"][-1] < logs["loss_over_chance"][0]
    assert 0.3 < logs["matched_share"][0] <= 1.0
    # 5 blocks and 3 hidden layers of 3 weights each, 3 last layers of 2.
    assert len(before) == 3 * 5 + 3 * 3 + 3 * 2
    for variable, old in zip(model.trainable_variables, before, strict=True):
        assert np.abs(ops.convert_to_numpy(variable) - old).max() > 1e-7, variable.path


def test_a_backbone_of_any_size_takes_views_of_every_size():
    square = tiny.draw_photos(4, size=42)
    model = build_model()
    any_size = DenseContrastiveModel(
        resized(model.backbone, None), OverlappingViewsAugmenter(32, seed=0)
    )
    outputs = any_size(square)
    assert outputs["level_8"][0].shape == (4, 4, 4, 16)
    any_size.augmenter.set_image_size(48)
    outputs = any_size(square)
    assert outputs["level_8"][0].shape == (4, 6, 6, 16)
    assert outputs["cells_16"][0].shape == (4, 9, 256)


def test_saved_model_has_the_same_cells_settings_and_ramp(photos, tmp_path):
    model = build_model(dense_weight=0.3)
    square = tiny.draw_photos(4, size=42)
    model.fit(square, batch_size=4, verbose=0)
    model.ramp.assign(0.5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert (again.dense_weight, again.temperature) == (0.3, 0.2)
    assert float(again.ramp) == 0.5
    images = photos[:, :, :32].astype("float32")
    levels = model.extract(images)["level_16"], again.extract(images)["level_16"]
    np.testing.assert_allclose(*levels, rtol=1e-4, atol=1e-5)
    cells = [each.cell_heads[1](levels[0][:, 0, 0]) for each in (model, again)]
    np.testing.assert_allclose(*cells, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_whole_train_step_compiles_under_xla_and_in_half_precision():
    with dtype_policy("mixed_bfloat16"):
        model = build_model()
        model.compile(keras.optimizers.SGD(0.1), DCLLoss(0.2), jit_compile=True)
        square = tiny.draw_photos(8, size=42)
        logs = model.fit(square, batch_size=8, epochs=2, verbose=0).history
        outputs = model(square)
    assert np.isfinite(list(logs.values())).all()
    dtype = keras.backend.standardize_dtype
    assert dtype(outputs["level_8"][0].dtype) == "bfloat16"
    assert dtype(outputs["cells_8"][0].dtype) == "float32"


def test_a_backbone_without_these_strides_is_refused_by_name():
    with pytest.raises(ValueError, match="tiny has no feature map of stride 8 at 32"):
        DenseContrastiveModel(tiny.build_backbone(32), OverlappingViewsAugmenter(32))
