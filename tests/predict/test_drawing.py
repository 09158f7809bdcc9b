"""Boxes and labels drawn into photos of all sizes."""

import numpy as np
import pytest
from PIL import Image

from ssl_voc.predict.drawing import draw_prediction, save_prediction
from ssl_voc.serving_client.prediction import Prediction
from ssl_voc.visualization.style import COLORS

GRAY = 128


def prediction(*boxes, classes=None):
    return Prediction(
        np.array(boxes, "float32").reshape(-1, 4),
        np.linspace(0.9, 0.5, len(boxes), dtype="float32"),
        np.array(classes or [0] * len(boxes), "int32"),
        ("cat",) * len(boxes),
    )


def draw(width, height, found):
    pixels = np.full((height, width, 3), GRAY, "uint8")
    return np.asarray(draw_prediction(pixels, found))


def painted(drawn, color):
    return (drawn == np.array(color)).all(axis=-1)


def test_line_and_letters_grow_with_the_photo_and_without_objects_there_are_none():
    assert (draw(60, 40, prediction()) == GRAY).all()
    small = draw(300, 200, prediction((50, 60, 250, 180)))
    large = draw(3000, 2000, prediction((500, 600, 2500, 1800)))
    thickness = [
        painted(picture[len(picture) * 3 // 4][None], COLORS[0]).sum() / 2
        for picture in (small, large)
    ]
    assert thickness[1] > 5 * thickness[0]


@pytest.mark.parametrize(
    ("size", "factor"),
    [((213, 160), 3), ((64, 64), 10), ((320, 240), 2), ((240, 426), 2)],
)
def test_small_photo_is_enlarged_before_boxes_are_drawn(size, factor):
    width, height = size
    left, right = width // 4, width // 2
    drawn = draw(width, height, prediction((left, height // 4, right, height // 2)))
    assert drawn.shape == (height * factor, width * factor, 3)
    row = painted(drawn[height * factor // 3][None], COLORS[0])[0]
    columns = np.flatnonzero(row)
    assert (columns[0], columns[-1]) == (left * factor, right * factor - 1)
    assert columns.size <= 2 * 3, "two thin lines"


@pytest.mark.parametrize(("width", "height"), [(428, 240), (500, 375), (3000, 8)])
def test_larger_photo_keeps_its_size(width, height):
    assert draw(width, height, prediction()).shape == (height, width, 3)


def test_labels_of_small_photo_leave_most_of_it_free():
    starts = [(x, y) for x in (10, 80, 150) for y in (20, 90)]
    boxes = [(x, y, x + 50, y + 50) for x, y in starts]
    drawn = draw(213, 160, prediction(*boxes, classes=[*range(6)]))
    assert all(has_label(drawn, color) for color in COLORS[:6])
    assert (drawn == GRAY).all(axis=-1).mean() > 0.85


def test_labels_of_boxes_at_one_place_do_not_hide_each_other():
    found = prediction(*[(100, 80, 200, 180)] * 4, classes=[0, 1, 2, 3])
    drawn = draw(400, 300, found)
    areas = [painted(drawn, COLORS[label]).sum() for label in range(4)]
    # Outlines lie over each other, so what is seen of a lower one is its label.
    assert min(areas) > 0.5 * max(areas[1:])


def test_crowd_stays_visible_and_each_of_many_classes_is_named():
    random = np.random.default_rng(0)
    starts = random.integers(0, 140, (40, 2))
    crowd = np.concatenate([starts, starts + 20], axis=1)
    found = prediction(*crowd, classes=[0] * 39 + [1])
    # Outlines alone leave more than half of the ground; forty labels would not.
    drawn = draw(160, 160, found)
    assert (drawn == GRAY).all(axis=-1).mean() > 0.4
    assert all(has_label(drawn, color) for color in COLORS[:2])
    starts = [(16 * n, 16 * n) for n in range(10)]
    boxes = [(x, y, x + 12, y + 12) for x, y in starts]
    drawn = draw(160, 160, prediction(*boxes, classes=[*range(10)]))
    assert all(has_label(drawn, color) for color in COLORS)


def has_label(drawn, color):
    """Whether some 4 x 4 pixels are all of a color: no outline is so thick."""
    rows = painted(drawn, color)
    solid = rows[:, 3:] & rows[:, 2:-1] & rows[:, 1:-2] & rows[:, :-3]
    return (solid[3:] & solid[2:-1] & solid[1:-2] & solid[:-3]).any()


@pytest.mark.parametrize(
    ("width", "height", "is_labeled"),
    [(1, 1, True), (7, 3, True), (3000, 8, False), (300, 10, False)],
)
def test_flat_photo_gets_an_outline_and_no_label_a_tiny_one_both(
    width, height, is_labeled
):
    drawn = draw(width, height, prediction((0, 0, width, height)))
    assert painted(drawn, COLORS[0]).any()
    assert has_label(drawn, COLORS[0]) == is_labeled


def test_jpeg_and_png_are_written_with_the_color_profile(tmp_path):
    pixels = np.full((40, 60, 3), GRAY, "uint8")
    found = prediction((10, 10, 50, 30))
    for name, format in (("deep/er/a.jpg", "JPEG"), ("a.png", "PNG")):
        save_prediction(tmp_path / name, pixels, found, b"a profile")
        with Image.open(tmp_path / name) as picture:
            assert picture.format == format and picture.size == (660, 440)
            assert picture.info["icc_profile"] == b"a profile"
