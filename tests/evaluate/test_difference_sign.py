"""Whether an interval shows a difference: one judgement for every command."""

import math

import pytest

from ssl_voc.compare.command import format_report
from ssl_voc.evaluate.blind_lines import is_clear_of_blind
from ssl_voc.evaluate.difference_sign import difference_sign


@pytest.mark.parametrize(
    ("low", "high", "sign"),
    [
        (0.1, 0.2, 1),
        (-0.2, -0.1, -1),
        (-0.1, 0.1, 0),
        (0.0, 0.2, 0),
        (-0.2, 0.0, 0),
        (1e-17, 0.2, 0),  # what sums of equal numbers leave
        (-0.2, -1e-17, 0),
        (math.nan, math.nan, 0),
    ],
)
def test_a_difference_is_shown_where_its_interval_is_clear_of_zero(low, high, sign):
    assert difference_sign(low, high) == sign
    assert is_clear_of_blind({"gray_photos": {"gain_ci": [low, high]}}) == (sign > 0)
    row = {"mean": 0.5, "baseline": 0.4, "difference": 0.1, "ci": [low, high]}
    report = {"measures": {"iou": row}, "evaluations": ["run"], "num_images": 3}
    assert ("not shown" in format_report(report, {"iou": "IoU"})) == (sign == 0)
