import math

import pytest

from pipelines.photos.box_checks import (
    BadBox,
    checked_box,
    possible_box,
    shares_problem,
)


@pytest.mark.parametrize(
    ("box", "size", "expected", "is_told"),
    [
        ((1.5, 2, 40, 30), (40, 30), (1.5, 2, 40, 30), False),
        ((-1, -1, 41, 31), (40, 30), (0, 0, 40, 30), False),  # by a pixel
        ((0, 0, 5000, 7000), (None, None), (0, 0, 5000, 7000), False),
        ((-5, -6, 50, 60), (40, 30), (0, 0, 40, 30), True),
        ((-5, -6, 50, 60), (None, None), (0, 0, 50, 60), True),
    ],
)
def test_box_beyond_the_photo_is_clipped_and_told_if_by_more_than_a_pixel(
    box, size, expected, is_told
):
    clipped, remark = checked_box(box, *size)
    assert clipped == expected and (remark is not None) == is_told
    if is_told:
        assert str(box) in remark and f"{size[0]} x {size[1]}" in remark


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


@pytest.mark.parametrize("box", [(0, 0, 9e9, 1), (-50, -60, -3, -4), (0, 0, 0.6, 1)])
def test_box_that_some_photo_could_hold_is_possible_as_it_is(box):
    assert possible_box(box) == box
    for bad in ((math.nan, 0, 9, 9), (9, 0, 3, 9), (4, 4, 4, 9)):
        with pytest.raises(BadBox):
            possible_box(bad)


@pytest.mark.parametrize(
    ("boxes", "are_shares"),
    [
        ([], False),
        ([(0, 0, 1, 1)], False),  # the first pixel
        ([(0.2, 0.1, 0.5, 0.9), (3, 3, 5, 5)], False),
        ([(0, 0, 1, 1), (0.2, 0.1, 1.0004, 0.9)], True),  # by rounding
        ([(-0.9, -0.8, 0.5, 0.9)], True),  # as VOC, counting pixels from 1
    ],
)
def test_boxes_are_in_shares_if_all_are_and_one_has_fractions(boxes, are_shares):
    problem = shares_problem("set.json", boxes)
    assert bool(problem) == are_shares
    if are_shares:
        assert f"{len(boxes)} boxes" in problem.reason and "pixels" in problem.kind
