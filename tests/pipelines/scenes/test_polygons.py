import numpy as np

from pipelines.scenes.polygons import NUM_SCANLINES, contour_coverage, polygon_coverage
from tests.pipelines.scenes import reference

TRIANGLE = np.array([[2.3, 1.1], [17.9, 6.2], [5.5, 13.7]])
# Concave, so that a line crosses its edge up to six times.
ZIGZAG = np.array([[1.0, 1], [4, 11], [7, 3], [10, 11], [13, 3], [16, 11], [18, 1]])


def test_coverage_is_the_share_of_points_inside():
    for outline in (TRIANGLE, ZIGZAG, ZIGZAG[::-1]):
        coverage = polygon_coverage(outline, 20, 15)
        expected = reference.coverage(outline, 20, 15, num_points=32)
        # A row is sampled by NUM_SCANLINES lines: an edge may move by half of one.
        np.testing.assert_allclose(coverage, expected, atol=0.5 / NUM_SCANLINES + 0.03)


def test_pixels_are_counted_from_their_corners():
    square = np.array([[2, 1], [5, 1], [5, 3], [2, 3]])
    expected = np.zeros((4, 6))
    expected[1:3, 2:5] = 1
    np.testing.assert_array_equal(polygon_coverage(square, 6, 4), expected)


def test_a_side_inside_a_pixel_covers_a_part_of_it():
    rectangle = np.array([[1.25, 1.0], [3.5, 1.0], [3.5, 2.5], [1.25, 2.5]])
    expected = np.zeros((4, 5))
    expected[1, 1:4] = [0.75, 1, 0.5]
    expected[2, 1:4] = [0.375, 0.5, 0.25]
    np.testing.assert_allclose(polygon_coverage(rectangle, 5, 4), expected, atol=1e-6)


def test_a_polygon_may_touch_the_far_side_of_the_area():
    full = np.array([[0, 0], [3, 0], [3, 2], [0, 2]])
    np.testing.assert_array_equal(polygon_coverage(full, 3, 2), np.ones((2, 3)))


def test_total_coverage_is_the_area():
    found = polygon_coverage(TRIANGLE, 20, 15).sum()
    assert abs(found - reference.area(TRIANGLE)) < 0.2


def test_the_contour_follows_the_edge():
    square = np.array([[4, 4], [16, 4], [16, 12], [4, 12]])
    contour = contour_coverage(square, 20, 16, line_width=2)
    on_edge = contour[3:5, 8:12], contour[6:10, 3:5], contour[11:13, 8:12]
    assert min(part.min() for part in on_edge) > 0.7
    assert contour[6:10, 6:14].max() == 0
    assert contour[:2].max() == contour[:, :2].max() == 0
