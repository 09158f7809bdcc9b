"""Judgement of a difference by its interval: shown to be above 0, below, or neither."""

# What sums of equal numbers leave of zero.
_ROUNDING = 1e-9


def difference_sign(low, high):
    """1 where an interval lies above 0, -1 where below, 0 where nothing is shown."""
    return int(low > _ROUNDING) - int(high < -_ROUNDING)
