import numpy as np
import pytest
from keras import ops

from ssl_voc import boxes as bx
from tests import box_reference

# One box of an image of height 50 and width 200, in every format.
SAME = {
    "xyxy": (20.0, 10.0, 60.0, 40.0),
    "yxyx": (10.0, 20.0, 40.0, 60.0),
    "xywh": (20.0, 10.0, 40.0, 30.0),
    "center_xywh": (40.0, 25.0, 40.0, 30.0),
    "center_yxhw": (25.0, 40.0, 30.0, 40.0),
    "rel_xyxy": (0.1, 0.2, 0.3, 0.8),
    "rel_yxyx": (0.2, 0.1, 0.8, 0.3),
    "rel_xywh": (0.1, 0.2, 0.2, 0.6),
}


def test_every_format_has_its_golden_box():
    assert set(SAME) == set(bx.FORMATS)


@pytest.mark.parametrize("source", bx.FORMATS)
@pytest.mark.parametrize("target", bx.FORMATS)
def test_every_format_says_the_same_box(source, target):
    converted = bx.convert_format([[SAME[source]]], source, target, (50, 200))
    np.testing.assert_allclose(converted, [[SAME[target]]], rtol=1e-5)


def test_every_image_may_have_its_own_shape():
    rel = np.full((2, 3, 4), 0.5, "float32")
    shapes = np.array([[[10, 100]], [[1000, 20]]])  # (batch, 1, height and width)
    pixels = ops.convert_to_numpy(
        bx.convert_format(rel, "rel_xyxy", "xyxy", image_shape=shapes)
    )
    np.testing.assert_allclose(pixels[0], [[50, 5, 50, 5]] * 3)
    np.testing.assert_allclose(pixels[1], [[10, 500, 10, 500]] * 3)


def test_float16_boxes_are_measured_without_overflow():
    box = np.array([0, 0, 1000, 500], "float16")
    assert float(bx.box_areas(box)) == 500_000.0  # float16 ends at 65,504
    assert float(bx.intersection_areas(box, box)) == 500_000.0
    assert float(bx.elementwise_iou(box, box)) == 1.0


def test_format_that_nobody_knows_is_named():
    with pytest.raises(ValueError, match="must be one of xyxy, .*'xxyy'"):
        bx.convert_format(np.zeros((1, 4)), "xxyy", "xyxy")


def test_pixels_from_shares_need_the_shape_of_the_image():
    with pytest.raises(ValueError, match="From rel_xyxy to xywh `image_shape`"):
        bx.convert_format(np.zeros((1, 4)), "rel_xyxy", "xywh")
    # Both in shares, or both in pixels: nothing to know.
    bx.convert_format(np.zeros((1, 4)), "rel_xyxy", "rel_xywh")
    bx.convert_format(np.zeros((1, 4)), "xyxy", "xywh")


def test_class_zero_is_an_object_and_minus_one_is_none():
    assert ops.convert_to_numpy(bx.is_object([0, 3, -1])).tolist() == [1, 1, 0]


def test_boxes_are_cut_at_their_own_border():
    cut = bx.clip_boxes([[-5, -6, 300, 400], [1, 2, 3, 4], [210, 5, 220, 9]], (50, 200))
    expected = [[0, 0, 200, 50], [1, 2, 3, 4], [200, 5, 200, 9]]
    np.testing.assert_array_equal(ops.convert_to_numpy(cut), expected)


def test_inverted_boxes_have_no_area():
    areas = bx.box_areas([[0, 0, 2, 3], [5, 5, 1, 1], [5, 0, 1, 3], [4, 4, 4, 9]])
    assert ops.convert_to_numpy(areas).tolist() == [6, 0, 0, 0]


def test_iou_golden():
    # 5 x 5 of 100 + 100 - 25; a quarter; edges that touch; apart.
    a = [0, 0, 10, 10]
    b = [[5, 5, 15, 15], [0, 0, 5, 5], [10, 0, 20, 10], [30, 30, 40, 40]]
    np.testing.assert_allclose(
        bx.elementwise_iou([a], b), [25 / 175, 0.25, 0, 0], rtol=1e-6
    )


def test_iou_is_that_of_the_loops_in_pairs_and_row_by_row():
    random = np.random.default_rng(0)
    a = box_reference.random_boxes(random, 2, 5)
    b = box_reference.random_boxes(random, 2, 7)
    pairs = ops.convert_to_numpy(bx.pairwise_iou(a, b))
    assert pairs.shape == (2, 5, 7)
    for image, i, j in np.ndindex(2, 5, 7):
        expected = box_reference.iou(a[image, i], b[image, j])
        assert pairs[image, i, j] == pytest.approx(expected, abs=1e-5)
    rows = ops.convert_to_numpy(bx.elementwise_iou(a, b[:, :5]))
    np.testing.assert_allclose(rows, pairs[:, range(5), range(5)], atol=1e-6)
    np.testing.assert_allclose(bx.box_ious(a[:, :, None], b[:, None]), pairs, atol=1e-6)
    assert (pairs > 0.1).sum() > 5  # not all of them apart


@pytest.mark.parametrize("broken", [[np.nan, 0, 1, 1], [-np.inf, 0, np.inf, 1]])
def test_boxes_without_area_or_finite_corners_have_no_iou(broken):
    nothing = [[3, 3, 3, 3], [-1, -1, -1, -1], [9, 9, 2, 2]]
    boxes = np.array([*nothing, broken], "float32")[:, None]
    others = np.array([*nothing, [0, 0, 10, 10], [0, 0, 1, 1]], "float32")
    for iou in (bx.elementwise_iou, bx.box_ious):
        np.testing.assert_array_equal(iou(boxes, others), np.zeros((4, 5)))
    np.testing.assert_array_equal(bx.pairwise_iou(boxes[:3, 0], others), 0.0)


def test_small_boxes_in_shares_of_the_image_have_an_area():
    # A pixel of a photo of 4,000 x 4,000, and its left half.
    pixel, half = [0, 0, 0.00025, 0.00025], [0, 0, 0.000125, 0.00025]
    assert float(bx.elementwise_iou(pixel, half)) == pytest.approx(0.5, rel=1e-4)
