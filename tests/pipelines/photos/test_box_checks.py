import math

import pytest

from pipelines.photos.box_checks import BadBox, checked_box


@pytest.mark.parametrize(
    ("box", "size", "expected"),
    [
        ((1.5, 2, 40, 30), (40, 30), (1.5, 2, 40, 30)),
        ((-1, -1, 41, 31), (40, 30), (0, 0, 40, 30)),  # by a pixel
        ((0, 0, 5000, 7000), (None, None), (0, 0, 5000, 7000)),
    ],
)
def test_box_within_a_pixel_of_the_photo_is_clipped_in_silence(box, size, expected):
    assert checked_box(box, *size) == (expected, None)


@pytest.mark.parametrize(
    ("size", "expected"), [((40, 30), (0, 0, 40, 30)), ((None, None), (0, 0, 50, 60))]
)
def test_box_beyond_the_photo_is_clipped_and_told(size, expected):
    box, remark = checked_box((-5, -6, 50, 60), *size)
    assert box == expected
    assert "(-5, -6, 50, 60)" in remark and f"{size[0]} x {size[1]}" in remark


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((math.nan, 0, 9, 9), "finite"),
        ((0, 0, math.inf, 9), "finite"),
        ((9, 0, 3, 9), "swapped"),
        ((0, 9, 9, 3), "swapped"),
        ((4, 4, 4, 9), "empty"),
        ((4, 4, 9, 4), "empty"),
        ((40, 0, 50, 9), "outside"),
        ((-9, 0, -3, 9), "outside"),
        ((0, 30, 9, 44), "outside"),
    ],
)
def test_unusable_boxes_are_refused_with_the_reason(box, reason):
    with pytest.raises(BadBox, match=reason):
        checked_box(box, 40, 30)
