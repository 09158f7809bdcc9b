import math

import pytest

from pipelines.photos.box_checks import BadBox, checked_box


def test_box_inside_the_photo_is_unchanged():
    assert checked_box((1.5, 2, 40, 30), 40, 30) == ((1.5, 2, 40, 30), None)


def test_box_beyond_the_photo_is_clipped_and_told():
    box, remark = checked_box((-5, -6, 50, 60), 40, 30)
    assert box == (0, 0, 40, 30)
    assert "(-5, -6, 50, 60)" in remark and "40 x 30" in remark


def test_one_pixel_beyond_is_clipped_in_silence():
    assert checked_box((-1, -1, 41, 31), 40, 30) == ((0, 0, 40, 30), None)


def test_unknown_size_clips_at_zero_only():
    box, _ = checked_box((-9, 0, 5000, 7000))
    assert box == (0, 0, 5000, 7000)


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
