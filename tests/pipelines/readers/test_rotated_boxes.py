import math

import numpy as np
import pytest

from pipelines.readers.rotated_boxes import box_around_rotated

BOX = (10.0, 20.0, 50.0, 40.0)


def around_corners(box, degrees):
    """The box around the four corners, each rotated about the centre."""
    angle = math.radians(degrees)
    corners = np.array([(x, y) for x in box[::2] for y in box[1::2]])
    turn = [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
    centre = corners.mean(axis=0)
    turned = (corners - centre) @ turn + centre
    return *turned.min(axis=0), *turned.max(axis=0)


@pytest.mark.parametrize("degrees", [1, 30, 45, 90, 100, 271.5, 359, -20])
def test_it_is_the_box_around_the_rotated_corners(degrees):
    box, remark = box_around_rotated(BOX, str(degrees))
    assert box == pytest.approx(around_corners(BOX, degrees))
    assert f"{degrees} degrees" in remark


def test_a_quarter_turn_swaps_the_sides_about_the_centre():
    # The centre is (30, 30), the half sides are 20 and 10.
    assert box_around_rotated(BOX, 90)[0] == pytest.approx((20, 10, 40, 50))


@pytest.mark.parametrize("none", [0, "0.0", 180, -180, 360, None, "", "left", math.nan])
def test_upright_boxes_stay_to_the_bit(none):
    assert box_around_rotated(BOX, none) == (BOX, None)
