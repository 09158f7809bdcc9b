"""Cells of two views matched by place, against loops and by a dot in the photo."""

import keras
import numpy as np
import pytest
from keras import ops

from ssl_voc.layers import OverlappingViewsAugmenter
from ssl_voc.layers.cell_matching import cell_centers, match_cells
from tests.layers.simclr_views import PLAIN

SIDE, CELLS = 32, 4  # of a view: pixels, and cells of stride 8


def draw_crops(num_photos, seed):
    """Boxes `(num_photos, 4)` of at least a quarter of the area, and flips."""
    random = np.random.default_rng(seed)
    sides = random.uniform(0.5, 1.0, (num_photos, 2))
    starts = random.uniform(size=(num_photos, 2)) * (1.0 - sides)
    boxes = np.concatenate([starts, starts + sides], axis=1).astype("float32")
    return boxes, np.arange(num_photos) % 3 == 0


def center(box, flip, shape, row, column, offset=0.0):
    """Center of one cell, x and y as fractions of the photo."""
    left, top, right, bottom = box
    x, y = (column + 0.5 + offset) / shape[1], (row + 0.5 + offset) / shape[0]
    x = 1.0 - x if flip else x
    return left + x * (right - left), top + y * (bottom - top)


def cells_of(shape):
    return [(row, column) for row in range(shape[0]) for column in range(shape[1])]


@pytest.mark.parametrize("offset", [0.0, 0.4])
def test_centers_are_those_of_the_loops(offset):
    shape = (2, 3)
    boxes, flips = draw_crops(7, seed=0)
    centers = ops.convert_to_numpy(cell_centers(boxes, flips, shape, offset))
    expected = [
        [center(box, flip, shape, *cell, offset) for cell in cells_of(shape)]
        for box, flip in zip(boxes, flips, strict=True)
    ]
    np.testing.assert_allclose(centers, expected, rtol=1e-5)


def test_matches_are_those_of_the_loops():
    shape = (3, 4)
    (boxes_a, flips_a), (boxes_b, flips_b) = draw_crops(9, 1), draw_crops(9, 2)
    flips_b = flips_b[::-1]
    found = match_cells(boxes_a, flips_a, boxes_b, flips_b, shape)
    expected = np.zeros((9, 12, 12), bool)
    for photo in range(9):
        diagonal = max(
            np.hypot((box[2] - box[0]) / shape[1], (box[3] - box[1]) / shape[0])
            for box in (boxes_a[photo], boxes_b[photo])
        )
        for i, cell_a in enumerate(cells_of(shape)):
            for j, cell_b in enumerate(cells_of(shape)):
                x_a, y_a = center(boxes_a[photo], flips_a[photo], shape, *cell_a)
                x_b, y_b = center(boxes_b[photo], flips_b[photo], shape, *cell_b)
                distance = np.hypot(x_a - x_b, y_a - y_b) / diagonal
                expected[photo, i, j] = distance < 0.7
    np.testing.assert_array_equal(ops.convert_to_numpy(found), expected)
    assert 0.05 < expected.mean() < 0.5


def test_a_view_matches_itself_cell_by_cell_and_its_mirror_image_mirrored():
    # Of square cells: neighbors are 0.707 of a diagonal apart.
    boxes, flips = np.float32([[0.2, 0.3, 0.7, 0.8]]), np.array([False])
    same = match_cells(boxes, flips, boxes, flips, (2, 2))
    np.testing.assert_array_equal(ops.convert_to_numpy(same)[0], np.eye(4))
    mirrored = match_cells(boxes, flips, boxes, ~flips, (2, 2))
    rows = ops.convert_to_numpy(mirrored)[0].argmax(axis=1)
    np.testing.assert_array_equal(rows, [1, 0, 3, 2])


def test_views_without_a_common_place_have_no_matches():
    left, right = np.float32([[0.0, 0.0, 0.4, 1.0]]), np.float32([[0.6, 0.0, 1.0, 1.0]])
    upright = np.array([False])
    assert not ops.any(match_cells(left, upright, right, upright, (4, 4)))


def test_a_dot_drawn_in_a_photo_lies_in_matched_cells_of_both_views():
    photos = np.zeros((64, 96, 96, 3), "uint8")
    arguments = {"area_range": (0.3, 1.0), "seed": 5, **PLAIN}
    drawn = OverlappingViewsAugmenter(SIDE, **arguments)(photos)
    boxes = [ops.convert_to_numpy(values) for values in drawn["boxes_rel_xyxy"]]
    flips = [ops.convert_to_numpy(values) for values in drawn["flips"]]
    # In each photo a dot in the middle of a cell of view a, wherever that is in view b.
    random = np.random.default_rng(0)
    shown = np.zeros(64, bool)
    for photo in range(64):
        cell = random.integers(0, CELLS, 2)
        x, y = center(boxes[0][photo], flips[0][photo], (CELLS, CELLS), *cell)
        left, top, right, bottom = boxes[1][photo]
        # Not on the border of view b, which antialiasing would leave half a dot of.
        margin = 0.04
        shown[photo] = (
            left + margin < x < right - margin and top + margin < y < bottom - margin
        )
        row, column = int(y * 96), int(x * 96)
        photos[photo, row - 1 : row + 2, column - 1 : column + 2] = 255
    assert shown.sum() > 30
    again = OverlappingViewsAugmenter(SIDE, **arguments)(photos)
    places = []
    for view in again["views"]:
        brightness = ops.convert_to_numpy(view).sum(axis=-1).reshape(64, -1)
        row, column = np.divmod(brightness.argmax(axis=1), SIDE)
        step = SIDE // CELLS
        places.append(row // step * CELLS + column // step)
    matches = ops.convert_to_numpy(
        match_cells(boxes[0], flips[0], boxes[1], flips[1], (CELLS, CELLS))
    )
    of_dots = matches[np.arange(64), places[0], places[1]]
    for flipped_a in (False, True):
        for flipped_b in (False, True):
            those = shown & (flips[0] == flipped_a) & (flips[1] == flipped_b)
            assert those.sum() > 3 and of_dots[those].all()
    # If flips were forgotten, dots of views that differ in them would be lost.
    upright = np.zeros(64, bool)
    forgotten = ops.convert_to_numpy(
        match_cells(boxes[0], upright, boxes[1], upright, (CELLS, CELLS))
    )
    differ = shown & (flips[0] != flips[1])
    assert forgotten[np.arange(64), places[0], places[1]][differ].mean() < 0.7


@pytest.mark.slow
def test_matching_compiles_under_xla():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("compiles by tf.function")
    crops = [*draw_crops(5, 1), *draw_crops(5, 2)]
    compiled = tf.function(lambda *crops: match_cells(*crops, (3, 3)), jit_compile=True)
    np.testing.assert_array_equal(compiled(*crops), match_cells(*crops, (3, 3)))
