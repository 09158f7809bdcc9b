import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import RandomBoxCrop
from tests import box_reference

HEIGHT, WIDTH = 60, 100


def draw_targets(num_images=400, seed=0):
    """Two objects and one row of padding an image; the main object is not the first."""
    random = np.random.default_rng(seed)
    boxes = np.full((num_images, 3, 4), -1.0, "float32")
    for column, longest in ((0, 0.2), (1, 0.9)):
        sides = random.uniform(0.25 if column else 0.1, longest, (num_images, 2))
        starts = random.uniform(0.0, 1.0, (num_images, 2)) * (1.0 - sides)
        rel = np.concatenate([starts, starts + sides], axis=1)
        boxes[:, column] = rel * [WIDTH, HEIGHT, WIDTH, HEIGHT]
    classes = np.tile([[0, 4, -1]], (num_images, 1)).astype("float32")
    return {"boxes": boxes, "classes": classes}


def drawn_crops(targets, seed=0, flags=(), **arguments):
    layer = RandomBoxCrop(32, seed=seed, **arguments)
    inputs = {"bounding_boxes": targets, **dict(flags)}
    return np.float64(ops.convert_to_numpy(layer.draw_crops(inputs, HEIGHT, WIDTH)))


def visible_shares(boxes, crops):
    pixels = crops * [WIDTH, HEIGHT, WIDTH, HEIGHT]
    return np.array(
        [
            box_reference.common(box, crop) / box_reference.area(box)
            for box, crop in zip(boxes, pixels, strict=True)
        ]
    )


@pytest.mark.parametrize("area_range", [(0.05, 0.5), (0.3, 1.0), (0.3, 2.5)])
@pytest.mark.parametrize("share", [0.3, 0.7, 1.0])
def test_main_object_stays_in_every_crop(area_range, share):
    targets = draw_targets()
    crops = drawn_crops(
        targets, area_range=area_range, min_main_share=share, min_visible_share=0.1
    )
    shares = visible_shares(targets["boxes"][:, 1], crops)
    assert shares.min() >= share - 1e-4
    if share < 1.0 and area_range[0] < 0.1:
        # The bound is used: nothing is kept that need not be.
        assert shares.min() < share + 0.1


@pytest.mark.parametrize("main_object", ["largest", "random"])
def test_difficult_object_is_the_main_one_where_there_is_no_other(main_object):
    targets, arguments = draw_targets(), {"area_range": (0.02, 0.1), "seed": 1}
    arguments |= {"main_object": main_object, "min_main_share": 1.0}
    for flags, main in (([0, 1, 0], 0), ([1, 0, 0], 1), ([1, 1, 0], None)):
        difficult = np.tile(np.array(flags, "bool"), (len(targets["boxes"]), 1))
        crops = drawn_crops(targets, flags={"difficult": difficult}, **arguments)
        shares = [visible_shares(targets["boxes"][:, i], crops) for i in (0, 1)]
        assert np.max(shares, axis=0).min() >= 1.0 - 1e-4
        if main is not None:
            assert shares[main].min() >= 1.0 - 1e-4
            assert shares[1 - main].min() < 0.5


@pytest.mark.parametrize("share", [0.3, 0.5, 0.77, 1.0])
def test_main_object_is_not_dropped_at_the_least_share(share):
    targets = draw_targets(2000)
    targets["boxes"][:, 0] = -1.0
    targets["classes"][:, 0] = -1.0
    layer = RandomBoxCrop(
        16, (0.02, 0.1), min_main_share=share, min_visible_share=share, seed=0
    )
    images = np.zeros((2000, HEIGHT, WIDTH, 1), "uint8")
    result = layer({"images": images, "bounding_boxes": targets})
    classes = ops.convert_to_numpy(result["bounding_boxes"]["classes"])
    np.testing.assert_array_equal(classes[:, 1], 4)


def test_aspect_is_width_by_height_in_pixels():
    targets = {"boxes": np.full((500, 1, 4), -1.0), "classes": -np.ones((500, 1))}
    crops = drawn_crops(targets, area_range=(0.1, 0.2), aspect_range=(2.0, 3.0))
    width, height = ((crops[:, 2:] - crops[:, :2]) * [WIDTH, HEIGHT]).T
    aspect = width / height
    assert aspect.min() > 2 - 1e-4 and aspect.max() < 3 + 1e-4
    # The logarithm is uniform: its mean is that of sqrt(2 * 3).
    assert np.log(aspect).mean() == pytest.approx(np.log(6) / 2, abs=0.02)


def test_crop_lies_inside_the_image_or_around_it():
    crops = drawn_crops(draw_targets(), area_range=(0.1, 3.0))
    sides = crops[:, 2:] - crops[:, :2]
    outside = np.maximum(-crops[:, :2], 0) + np.maximum(crops[:, 2:] - 1, 0)
    # What is missing inside the image is nothing, what lies outside is the surplus.
    np.testing.assert_allclose(outside, np.maximum(sides - 1, 0), atol=1e-5)
    assert (sides > 1.0).any() and (sides < 1.0).any()


def test_image_without_objects_is_cropped_as_it_comes():
    targets = draw_targets(3000)
    targets["classes"][:] = -1
    crops = drawn_crops(targets, area_range=(0.2, 0.5), aspect_range=(0.6, 1.6))
    left, top, right, bottom = crops.T
    areas = (right - left) * (bottom - top)
    assert areas.min() > 0.19 and areas.max() < 0.5 + 1e-5
    assert areas.mean() == pytest.approx(0.35, abs=0.01)
    # Uniform over all places: mean 1 / 2, standard deviation sqrt(1 / 12).
    for start, side in ((left, right - left), (top, bottom - top)):
        place = start[side < 0.99] / (1 - side[side < 0.99])
        assert place.mean() == pytest.approx(0.5, abs=0.02)
        assert place.std() == pytest.approx(12**-0.5, abs=0.02)


def test_place_is_uniform_among_those_that_show_the_object():
    boxes = np.tile([[[40, 24, 60, 36.0]]], (3000, 1, 1))  # a fifth, in the middle
    targets = {"boxes": boxes, "classes": np.zeros((3000, 1))}
    crops = drawn_crops(
        targets, area_range=(0.25, 0.25), aspect_range=(5 / 3, 5 / 3), min_main_share=1
    )
    # Half a side: its start lies between 0.6 - 0.5 and 0.4, the start of the object.
    for start in crops[:, :2].T:
        assert start.min() > 0.1 - 1e-4 and start.max() < 0.4 + 1e-4
        assert start.mean() == pytest.approx(0.25, abs=0.01)
        assert start.std() == pytest.approx(0.3 * 12**-0.5, abs=0.005)


def test_whole_area_without_aspect_is_the_whole_image():
    crops = drawn_crops(
        draw_targets(20), area_range=(1, 1), aspect_range=(WIDTH / HEIGHT,) * 2
    )
    np.testing.assert_allclose(crops, np.tile([[0, 0, 1, 1]], (20, 1)), atol=1e-6)
