import numpy as np
import pytest

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


@pytest.mark.parametrize(
    ("left", "right", "top", "bottom", "expected"),
    [
        # Pixels are counted from their corners.
        (2, 4, 1, 3, [[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]),
        # A side inside a pixel covers a part of it.
        (0.25, 2.5, 1, 2.5, [[0] * 4, [0.75, 1, 0.5, 0], [0.375, 0.5, 0.25, 0]]),
        # The far side of the area may be touched.
        (0, 4, 0, 3, [[1] * 4] * 3),
    ],
)
def test_a_pixel_is_covered_by_its_share(left, right, top, bottom, expected):
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    coverage = polygon_coverage(np.array(corners), 4, 3)
    np.testing.assert_allclose(coverage, expected, atol=1e-6)


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
