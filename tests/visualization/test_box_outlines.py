import numpy as np
import pytest
from PIL import Image, ImageDraw

from ssl_voc.visualization.box_outlines import (
    BoxOutline,
    BoxStyle,
    draw_boxes,
    fit_box,
    outline_box,
)
from tests.visualization.pixels import is_like

RED, GREEN, GRAY = (255, 0, 0), (0, 255, 0), (128, 128, 128)


def painted(box, size=(10, 8), **style):
    """Text of an outline in a gray image: `#` its line, `o` its rim."""
    image = Image.new("RGB", size, GRAY)
    outline_box(ImageDraw.Draw(image), box, RED, **{"width": 1, **style})
    signs = {RED: "#", (0, 0, 0): "o", GRAY: "."}
    pixels = np.asarray(image)
    return ["".join(signs[tuple(pixel.tolist())] for pixel in row) for row in pixels]


def test_line_is_the_border_inside_the_box_between_dark_rims():
    # Half-open: columns 1 to 8 and rows 1 to 6.
    assert painted((1, 1, 9, 7)) == [
        "oooooooooo",
        "o########o",
        "o#oooooo#o",
        "o#o....o#o",
        "o#o....o#o",
        "o#oooooo#o",
        "o########o",
        "oooooooooo",
    ]


def test_line_grows_inwards_and_stays_thin_in_a_small_box():
    rows = painted((0, 0, 20, 20), (20, 20), width=3)
    assert rows[10] == "###o............o###"
    rows = painted((6, 6, 14, 14), (20, 20), width=9)  # a quarter of 8
    assert rows[10] == ".....o##o..o##o....."


@pytest.mark.parametrize(
    ("dashes", "top"), [("dashed", "####oo####oo##"), ("dotted", "#oo#oo#oo#oo##")]
)
def test_dashes_leave_gaps_over_the_dark_rim(dashes, top):
    assert painted((0, 0, 14, 12), (14, 12), dashes=dashes)[0] == top


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0.6, 0.6, 5.6, 5.4), (1, 1, 6, 5)),
        ((-3, 2, 5, 99), (0, 2, 5, 6)),
        ((20, 20, 30, 30), (7, 5, 8, 6)),
        ((3, 3, 3, 5), (3, 3, 4, 5)),
        ((-9, -9, -5, -5), (0, 0, 1, 1)),
    ],
)
def test_box_is_brought_to_whole_pixels_inside_the_image(box, expected):
    assert fit_box(box, (8, 6)) == expected


def test_later_boxes_lie_above_earlier_ones_and_nan_is_not_drawn():
    image = Image.new("RGB", (40, 40), GRAY)
    red, green = BoxStyle("a", RED), BoxStyle("b", GREEN)
    boxes = [((0, 0, 40, 40), red), ((0, 0, 20, 20), green)]
    boxes.append(((np.nan, 0, 30, 30), green))
    outlines = [BoxOutline(np.array(box), style) for box, style in boxes]
    draw_boxes(image, outlines)
    pixels = np.asarray(image)
    assert tuple(pixels[0, 5]) == GREEN and tuple(pixels[0, 30]) == RED
    assert not is_like(pixels[21:].astype(int), GREEN).any()


def test_texts_stand_above_a_box_or_below_and_over_all_outlines():
    image = Image.new("RGB", (200, 200), GRAY)
    above = BoxStyle("a", RED)
    below = BoxStyle("b", GREEN, labeled_below=True)
    box = np.array([50, 80, 150, 120])
    draw_boxes(image, [BoxOutline(box, style, "cat") for style in (above, below)])
    pixels = np.asarray(image).astype(int)
    # The red outline lies below the green one: what is seen of it is its label.
    rows = np.flatnonzero(is_like(pixels, RED).any(axis=1))
    assert 60 < rows.min() < rows.max() < 80
    rows = np.flatnonzero(is_like(pixels, GREEN).any(axis=1))
    assert rows.min() == 80 and 120 < rows.max() < 140
