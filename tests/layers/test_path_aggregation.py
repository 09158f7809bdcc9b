import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.layers.anchor_points import anchor_points
from ssl_voc.layers.detection_head import DetectionHead
from ssl_voc.layers.path_aggregation import PathAggregation

SHAPES = [(2, 13, 13, 6), (2, 7, 7, 8), (2, 4, 4, 10)]
LEVELS = [(1, 4, 4, 4), (1, 2, 2, 4)]


def draw(shapes, seed=0):
    random = np.random.default_rng(seed)
    return [random.normal(size=shape).astype("float32") for shape in shapes]


def build_neck(**arguments):
    keras.utils.set_random_seed(0)
    return PathAggregation(channels=5, **arguments)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_levels_keep_their_grids_and_have_one_width(precision):
    neck = build_neck(dtype=precision)
    levels = neck(draw(SHAPES))
    expected = [(2, 13, 13, 5), (2, 7, 7, 5), (2, 4, 4, 5)]
    assert [tuple(level.shape) for level in levels] == expected
    assert neck.compute_output_shape(SHAPES) == expected
    narrow = precision.removeprefix("mixed_")
    assert {keras.backend.standardize_dtype(level.dtype) for level in levels} == {
        narrow
    }


@pytest.mark.parametrize("changed", range(3))
def test_every_level_knows_of_every_other(changed):
    neck, maps = build_neck(), draw(SHAPES)
    before = neck(maps)
    maps[changed] = draw(SHAPES, seed=1)[changed]
    for one, two in zip(before, neck(maps), strict=True):
        assert not np.allclose(one, two)


def test_neck_and_head_survive_serialization():
    parts = build_neck(), DetectionHead(2, channels=5, num_layers=1, num_bins=4)
    again = [type(part).from_config(part.get_config()) for part in parts]
    outputs = []
    for neck, head in (parts, again):
        head(neck(draw(SHAPES)))
        neck.set_weights(parts[0].get_weights())
        head.set_weights(parts[1].get_weights())
        outputs.append(head(neck(draw(SHAPES))))
    for name in ("sides", "classes"):
        np.testing.assert_array_equal(outputs[0][name], outputs[1][name])


def test_scores_begin_at_a_few_objects_an_image_and_boxes_at_four_strides():
    head = DetectionHead(4, channels=5, num_layers=0)
    shapes = [(2, 20, 20, 5), (2, 5, 5, 5)]
    outputs = head([np.zeros(shape, "float32") for shape in shapes])
    scores = ops.convert_to_numpy(ops.sigmoid(outputs["classes"]))
    assert scores.shape == (2, 425, 4)
    np.testing.assert_allclose(scores[:, :400], 5 / 400 / 4, rtol=1e-4)
    np.testing.assert_allclose(scores[:, 400:], 0.2 / 4, rtol=1e-4)
    shares = ops.convert_to_numpy(ops.softmax(outputs["sides"], axis=-1))
    assert shares.shape == (2, 425, 4, 16)
    # Two to each side; the distribution ends at 15.
    np.testing.assert_allclose(shares @ np.arange(16), 2.0, atol=0.05)
    assert (np.diff(shares, axis=-1) < 0).all()


def test_outputs_stand_in_the_order_of_the_points():
    """A change in one cell of one level moves what is told at its point."""
    keras.utils.set_random_seed(0)
    head = DetectionHead(2, channels=4, num_layers=0)
    levels = [np.zeros(shape, "float32") for shape in LEVELS]
    before = head(levels)
    points, strides = anchor_points([shape[1:3] for shape in LEVELS], (8, 16))
    for level, row, column in ((0, 3, 1), (1, 0, 1)):
        changed = [part.copy() for part in levels]
        changed[level][0, row, column] = 5.0
        after = head(changed)
        stride = (8, 16)[level]
        place = stride * (column + 0.5), stride * (row + 0.5)
        for name in ("sides", "classes"):
            difference = ops.convert_to_numpy(after[name] - before[name])
            (moved,) = np.flatnonzero(
                np.abs(difference).max(axis=(0, *range(2, difference.ndim)))
            )
            assert tuple(points[moved]) == place and strides[moved] == stride
