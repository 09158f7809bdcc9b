import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.layers.detection_head import DetectionHead
from ssl_voc.layers.feature_pyramid import FeaturePyramid

SHAPES = [(2, 13, 13, 6), (2, 7, 7, 8), (2, 4, 4, 10)]


def draw_maps(seed=0):
    random = np.random.default_rng(seed)
    return [random.normal(size=shape).astype("float32") for shape in SHAPES]


def build_pyramid(**arguments):
    keras.utils.set_random_seed(0)
    return FeaturePyramid(channels=5, **arguments)


def test_levels_keep_their_grids_and_coarser_ones_halve_rounded_up():
    pyramid = build_pyramid(num_coarser=2)
    levels = pyramid(draw_maps())
    expected = [(2, 13, 13, 5), (2, 7, 7, 5), (2, 4, 4, 5), (2, 2, 2, 5), (2, 1, 1, 5)]
    assert [tuple(level.shape) for level in levels] == expected


@pytest.mark.parametrize("changed", range(3))
def test_what_is_seen_coarsely_reaches_all_finer_levels_and_not_the_other_way(changed):
    pyramid = build_pyramid(num_coarser=0)
    maps = draw_maps()
    before = [ops.convert_to_numpy(level) for level in pyramid(maps)]
    maps[changed] = draw_maps(seed=1)[changed]
    after = [ops.convert_to_numpy(level) for level in pyramid(maps)]
    moved = [not np.allclose(one, two) for one, two in zip(before, after, strict=True)]
    assert moved == [level <= changed for level in range(3)]


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_coarser_levels_of_half_precision_are_computed_in_single(precision):
    maps = [ops.cast(level, precision.removeprefix("mixed_")) for level in draw_maps()]
    pyramid = build_pyramid(num_coarser=2, dtype=precision)
    levels = pyramid(maps)
    assert {keras.backend.standardize_dtype(level.dtype) for level in levels} == {
        precision.removeprefix("mixed_")
    }
    assert [layer.compute_dtype for layer in pyramid.coarser] == ["float32"] * 2


def test_a_pyramid_survives_serialization():
    pyramid = build_pyramid(num_coarser=1)
    again = FeaturePyramid.from_config(pyramid.get_config())
    pyramid(draw_maps())
    again(draw_maps())
    again.set_weights(pyramid.get_weights())
    for one, two in zip(pyramid(draw_maps()), again(draw_maps()), strict=True):
        np.testing.assert_array_equal(one, two)


def test_every_class_begins_at_the_prior():
    keras.utils.set_random_seed(0)
    head = DetectionHead(3, anchors_per_cell=2, channels=5, num_layers=1, prior=0.05)
    outputs = head(build_pyramid(num_coarser=0)(draw_maps()))
    scores = ops.convert_to_numpy(ops.sigmoid(outputs["logits"]))
    assert scores.shape == (2, (169 + 49 + 16) * 2, 3)
    np.testing.assert_allclose(scores, 0.05, atol=0.02)
    assert outputs["offsets"].shape == (2, 468, 4)


def test_outputs_of_a_cell_stand_where_its_anchors_do():
    """A change in one cell of one level moves the anchors of that cell the most."""
    keras.utils.set_random_seed(0)
    head = DetectionHead(2, anchors_per_cell=3, channels=4, num_layers=0)
    levels = [np.zeros((1, 4, 4, 4), "float32"), np.zeros((1, 2, 2, 4), "float32")]
    before = ops.convert_to_numpy(head(levels)["logits"])
    levels[1][0, 0, 1] = 5.0
    after = ops.convert_to_numpy(head(levels)["logits"])
    moved = np.flatnonzero(np.any(before != after, axis=(0, 2)))
    # The second level begins after 4 x 4 cells; all its 4 cells lie within 3 x 3.
    assert moved.min() == 16 * 3
    assert len(moved) == 4 * 3
    levels = [np.zeros((1, 4, 4, 4), "float32"), np.zeros((1, 2, 2, 4), "float32")]
    levels[0][0, 3, 3] = 5.0
    after = ops.convert_to_numpy(head(levels)["logits"])
    moved = np.flatnonzero(np.any(before != after, axis=(0, 2)))
    cells = {divmod(row // 3, 4) for row in moved}
    assert cells == {(2, 2), (2, 3), (3, 2), (3, 3)}


def test_towers_are_shared_by_all_levels():
    keras.utils.set_random_seed(0)
    head = DetectionHead(2, anchors_per_cell=1, channels=4, num_layers=1)
    level = np.random.default_rng(0).normal(size=(1, 3, 3, 4)).astype("float32")
    logits = ops.convert_to_numpy(head([level, level])["logits"])
    np.testing.assert_array_equal(logits[:, :9], logits[:, 9:])
