"""Places of labels beside boxes that lie close to each other."""

import itertools

import numpy as np
import pytest
from PIL import Image

from ssl_voc.visualization.box_labels import BoxLabels
from ssl_voc.visualization.box_outlines import BoxOutline, BoxStyle, draw_boxes
from tests.visualization.pixels import is_like

RED, GREEN, BLUE, GRAY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)


class Canvas:
    """Notes the grounds of labels instead of painting them."""

    def __init__(self):
        self.places = []

    def rectangle(self, corners, fill):
        left, top, right, bottom = corners
        self.places.append((left, top, right + 1, bottom + 1))

    def text(self, *arguments, **options):
        pass


def common_pixels(a, b):
    columns = set(range(a[0], a[2])) & set(range(b[0], b[2]))
    return len(columns) * len(set(range(a[1], a[3])) & set(range(b[1], b[3])))


def write_all(boxes, size, **options):
    """Places of the labels that were written."""
    canvas = Canvas()
    labels = BoxLabels(canvas, size, 10, most_area=1.0)
    for box in boxes:
        labels.write(box, "cat", RED, " 0.50", **options)
    return canvas.places


@pytest.mark.parametrize("below", [False, True])
def test_labels_of_close_boxes_lie_beside_each_other_each_at_its_box(below):
    random = np.random.default_rng(0)
    starts = random.integers(100, 140, (8, 2))
    boxes = np.concatenate([starts, starts + random.integers(20, 60, (8, 2))], axis=1)
    places = write_all(boxes.tolist(), (320, 240), below=below, needed=True)
    assert len(places) == 8
    for place, other in itertools.combinations(places, 2):
        assert common_pixels(place, other) == 0
    for (left, top, right, bottom), place in zip(boxes.tolist(), places, strict=True):
        line = place[3] - place[1]
        assert left - line <= place[2] and place[0] <= right + line
        assert top - line <= place[3] and place[1] <= bottom + line
        assert min(place) >= 0 and place[2] <= 320 and place[3] <= 240


def test_label_without_room_is_left_out_unless_it_is_needed():
    boxes = [(40, 40, 50, 50)] * 30
    places = write_all(boxes, (120, 90))
    assert 4 <= len(places) < 30
    for place, other in itertools.combinations(places, 2):
        assert common_pixels(place, other) == 0
    assert len(write_all(boxes, (120, 90), needed=True)) == 30


def test_first_label_stands_on_its_box_and_the_next_as_near_as_can_be():
    first, second = write_all([(50, 60, 250, 200)] * 2, (300, 240))
    assert (first[0], first[3]) == (50, 60)
    # Below the upper border: the nearest of the corners that are free.
    assert (second[0], second[1]) == (50, 60)


def test_crowded_sheet_names_every_class_of_every_kind_once():
    image = Image.new("RGB", (160, 120), GRAY)
    box = np.array([60, 50, 70, 60])
    rare = BoxOutline(box, BoxStyle("rare", GREEN), "cat")
    crowd = [BoxOutline(box, BoxStyle("crowd", RED), "dog", " 0.50")] * 60
    other = BoxOutline(box, BoxStyle("other", BLUE), "dog")
    draw_boxes(image, [rare, *crowd, other])
    pixels = np.asarray(image).astype(int)
    painted = [is_like(pixels, color).sum() for color in (GREEN, BLUE)]
    # An outline is 72 pixels at most; the last lies over the others.
    assert min(painted) > 100
    # A third of the picture, and less where letters are.
    assert is_like(pixels, RED).mean() < 1 / 3


def test_labels_that_were_placed_first_are_those_of_the_last_boxes():
    image = Image.new("RGB", (200, 200), GRAY)
    box = np.array([50, 80, 150, 120])
    outlines = [BoxOutline(box, BoxStyle("a", c), "cat") for c in (RED, GREEN)]
    draw_boxes(image, outlines)
    pixels = np.asarray(image).astype(int)
    rows = np.flatnonzero(is_like(pixels, GREEN).any(axis=1))
    assert rows.min() < 70  # above the box, the first choice
    rows = np.flatnonzero(is_like(pixels, RED).any(axis=1))
    assert rows.min() >= 80
