import numpy as np
import pytest

from ssl_voc.visualization.box_outlines import COLORS, outline_boxes

RED = (255, 0, 0)


def painted(box, shape=(6, 8), thickness=1):
    """Text of where the outline lies in a black image."""
    image = outline_boxes(np.zeros((*shape, 3)), [box], RED, thickness)
    assert set(map(tuple, image.reshape(-1, 3))) <= {(0, 0, 0), RED}
    return ["".join(".#"[int(pixel[0] > 0)] for pixel in row) for row in image]


def test_outline_is_the_border_inside_the_box():
    # Half-open: columns 1 to 5 and rows 1 to 4.
    assert painted([1, 1, 6, 5]) == [
        "........",
        ".#####..",
        ".#...#..",
        ".#...#..",
        ".#####..",
        "........",
    ]


def test_thickness_grows_inwards():
    assert painted([0, 0, 8, 6], thickness=2) == [
        "########",
        "########",
        "##....##",
        "##....##",
        "########",
        "########",
    ]


@pytest.mark.parametrize("thickness", [1, 3])
def test_a_box_thinner_than_its_outline_is_filled(thickness):
    assert painted([2, 1, 4, 3], thickness=thickness)[:4] == [
        "........",
        "..##....",
        "..##....",
        "........",
    ]


def test_what_lies_outside_is_cut():
    assert painted([-3, 2, 5, 99]) == [
        "........",
        "........",
        "#####...",
        "#...#...",
        "#...#...",
        "#####...",
    ]
    assert "#" not in "".join(painted([20, 20, 30, 30]))


@pytest.mark.parametrize(
    "box", [[-1, -1, -1, -1], [3, 3, 3, 5], [5, 5, 2, 2], [np.nan, 0, 4, 4]]
)
def test_boxes_without_area_are_left_out(box):
    assert "#" not in "".join(painted(box))


def test_corners_are_rounded_to_pixels():
    assert painted([0.6, 0.6, 5.6, 5.4]) == painted([1, 1, 6, 5])


def test_image_is_copied_and_its_pixels_kept():
    image = np.random.default_rng(0).uniform(-5, 260, (6, 8, 3)).astype("float32")
    before = image.copy()
    result = outline_boxes(image, [[1, 1, 6, 5]])
    np.testing.assert_array_equal(image, before)
    assert result.dtype == "uint8" and result.shape == image.shape
    inner = np.clip(np.round(image[2:4, 2:5]), 0, 255)
    np.testing.assert_array_equal(result[2:4, 2:5], inner)
    assert tuple(result[1, 1]) == COLORS[0]
    again = outline_boxes(result, np.zeros((0, 4)))
    np.testing.assert_array_equal(again, result)


def test_later_boxes_are_painted_over_earlier_ones():
    image = outline_boxes(np.zeros((6, 8, 3)), [[0, 0, 8, 6]], RED)
    both = outline_boxes(image, [[0, 0, 4, 4]], (0, 255, 0))
    assert tuple(both[0, 0]) == (0, 255, 0) and tuple(both[0, 5]) == RED
