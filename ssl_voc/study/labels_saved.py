"""Labels saved: how many the one arm needs to be as good as another."""

import math


def labels_needed(curve, value):
    """Number of labels at which a curve reaches a value.

    Between two points the curve is a straight line over the logarithm of the number of
    labels; where it is reached more than once, the smallest number counts.

    Args:
        curve: List of `(num_labels, value)`, ascending by the number.
        value: The value to be reached.

    Returns:
        The number; the first one's where that is better already, and infinity where the
        value is never reached.
    """
    if not curve:
        return math.inf
    if curve[0][1] >= value:
        return float(curve[0][0])
    for (few, low), (many, high) in zip(curve, curve[1:], strict=False):
        if high >= value:
            part = (value - low) / (high - low)
            return few * (many / few) ** part
    return math.inf


def describe_saving(arm, baseline, labels, curve, value, limits, is_shown):
    """What an arm saves in labels, in words.

    Args:
        arm: Its name.
        baseline: Name of the arm whose curve it is.
        labels: Number of labels of the arm.
        curve: See `labels_needed`.
        value: What the arm reaches with its labels.
        limits: Lower and upper end of its interval, relative to the other arm.
        is_shown: Whether the arms are shown to differ at that number of labels.
    """
    low, needed, high = (_needed_text(curve, v) for v in (limits[0], value, limits[1]))
    text = f"{arm} with {labels} labels is as good as {baseline} with {needed}"
    if (low, high) != (needed, needed):
        text += f" ({low} to {high})"
    return text + ", but no difference is shown there" * (not is_shown)


def _needed_text(curve, value):
    needed = labels_needed(curve, value)
    if math.isinf(needed):
        return f"more than {curve[-1][0]}"
    if needed == curve[0][0] and curve[0][1] > value:
        return f"fewer than {curve[0][0]}"
    return f"{needed:.0f}"
