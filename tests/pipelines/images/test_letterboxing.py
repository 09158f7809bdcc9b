import math

import numpy as np
import pytest

from pipelines.images.letterboxing import (
    boxes_from_letterbox,
    boxes_to_letterbox,
    letterbox,
    letterboxed_size,
)

tf = pytest.importorskip("tensorflow")

SIZES = [(30, 40), (40, 30), (7, 501), (333, 500), (32, 32), (1, 1), (1, 1000), (90, 8)]


def triangle_weights(old, new):
    """Weights `(new, old)` of antialiased bilinear resampling, by definition."""
    centers = (np.arange(new)[:, None] + 0.5) * old / new
    distances = np.abs(np.arange(old) + 0.5 - centers) / max(old / new, 1.0)
    weights = np.maximum(0.0, 1.0 - distances)
    return weights / weights.sum(axis=1, keepdims=True)


def naive_letterbox(image, image_size):
    height, width = image.shape[:2]
    scale = image_size / max(height, width)
    new_height = max(1, math.floor(height * scale + 0.5))
    new_width = max(1, math.floor(width * scale + 0.5))
    result = np.zeros((image_size, image_size, 3))
    result[:new_height, :new_width] = np.einsum(
        "yh,hwc,xw->yxc",
        triangle_weights(height, new_height),
        image,
        triangle_weights(width, new_width),
        optimize=True,
    )
    return result


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("image_size", [32, 65])
def test_pixels_are_those_of_the_definition(size, image_size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), "uint8")
    result = letterbox(image, image_size)
    assert result.dtype == tf.uint8 and result.shape == (image_size, image_size, 3)
    expected = naive_letterbox(image, image_size)
    assert np.abs(result.numpy() - expected).max() <= 0.51  # rounding


@pytest.mark.parametrize("convert", [np.asarray, tf.constant])
def test_longer_side_fills_the_square_and_the_other_rounds_half_up(convert):
    sizes = [[375, 500], [500, 375], [3, 8], [1, 1000], [5, 5]]
    expected = [[96, 128], [128, 96], [48, 128], [1, 128], [128, 128]]
    assert np.array(letterboxed_size(convert(sizes), 128)).tolist() == expected
    # 3 * 4 / 8 = 1.5
    assert np.array(letterboxed_size(convert([3, 8]), 4)).tolist() == [2, 4]
    # The product of side and size does not fit into 32 bits.
    size = convert(np.array([60_000, 80_000], "int32"))
    assert np.array(letterboxed_size(size, 60_000)).tolist() == [45_000, 60_000]


@pytest.mark.parametrize("size", SIZES)
def test_boxes_go_where_their_pixels_go(size):
    height, width = size
    box = np.array([[0, 0, width, height]], "float32")
    moved = boxes_to_letterbox(box, np.array(size), 128)
    new_height, new_width = letterboxed_size(np.array(size), 128)
    np.testing.assert_allclose(moved, [[0, 0, new_width, new_height]], rtol=1e-6)


def test_an_object_is_found_where_its_box_went():
    image = np.zeros((300, 200, 3), "uint8")
    image[120:240, 40:160] = 255
    box = np.array([[40, 120, 160, 240]], "float32")
    moved = boxes_to_letterbox(box, np.array(image.shape[:2]), 100)[0]
    rows, columns = np.nonzero(letterbox(image, 100).numpy()[..., 0] >= 128)
    found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    # 200 x 300 becomes 67 x 100: the factors are 0.335 and 1/3.
    np.testing.assert_allclose(moved, [13.4, 40, 53.6, 80], rtol=1e-5)
    assert np.abs(found - moved).max() <= 0.5


SIDES = (32, 97, 512)


def random_case(dtype):
    """Photos of every aspect ratio, and boxes inside and beyond them."""
    rng = np.random.default_rng(0)
    extreme = [(1, 1), (1, 60_000), (60_000, 1), (3, 4999), (4999, 3)]
    sizes = np.concatenate([rng.integers(1, 5000, (64, 2)), extreme]).astype("int32")
    return sizes, rng.uniform(-300, 5300, (len(sizes), 7, 4)).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("image_size", SIDES)
def test_moving_back_undoes_moving_and_clips_to_the_photo(image_size, dtype):
    sizes, boxes = random_case(dtype)
    boxes[0, 0] = np.nan
    moved = boxes_to_letterbox(boxes, sizes, image_size)
    assert moved.dtype == dtype and np.nanmax(np.abs(moved - boxes)) > 1
    back = boxes_from_letterbox(moved, sizes, image_size)
    ends = np.concatenate([sizes[:, ::-1]] * 2, axis=1)[:, None]
    expected = np.clip(boxes, 0, ends)
    assert back.dtype == dtype and (np.nan_to_num(back) <= ends).all()
    np.testing.assert_allclose(back, expected, rtol=3e-7)
    listed = boxes_from_letterbox(moved, sizes.tolist(), image_size)
    np.testing.assert_array_equal(listed, back)
    one = boxes_from_letterbox(moved[1], tuple(sizes[1].tolist()), image_size)
    np.testing.assert_array_equal(one, back[1])


def test_one_graph_gives_the_same_pixels_for_photos_of_all_sizes(draw):
    spec = tf.TensorSpec([None, None, 3], tf.uint8)
    graph = tf.function(lambda image: letterbox(image, 48), input_signature=[spec])
    for size in ((60, 45), (30, 100), (48, 48)):
        image = draw(1, *size)
        np.testing.assert_array_equal(graph(image), letterbox(image, 48))


@pytest.mark.parametrize("image_size", SIDES)
def test_graph_moves_boxes_as_arrays_are_moved(image_size):
    sizes, boxes = random_case("float32")
    for function in (boxes_to_letterbox, boxes_from_letterbox):

        @tf.function(input_signature=[tf.TensorSpec([None, 7, 4])], autograph=False)
        def graph(boxes, function=function):
            return function(boxes, tf.constant(sizes), image_size)

        assert graph.get_concrete_function().output_shapes[1] == 7
        expected = function(boxes, sizes, image_size)
        np.testing.assert_allclose(graph(boxes), expected, rtol=3e-7)


def test_image_size_below_one_is_refused():
    with pytest.raises(ValueError, match="image_size.*0"):
        letterbox(np.zeros((2, 2, 3), "uint8"), 0)
