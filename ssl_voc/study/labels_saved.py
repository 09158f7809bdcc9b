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


def describe_saving(arm, baseline, labels, curve, value, is_shown):
    """What an arm saves in labels, in words.

    Args:
        arm: Its name.
        baseline: Name of the arm whose curve it is.
        labels: Number of labels of the arm.
        curve: See `labels_needed`.
        value: What the arm reaches with its labels.
        is_shown: Whether the arms are shown to differ at that number of labels.
    """
    needed = labels_needed(curve, value)
    text = f"{arm} with {labels} labels is as good as {baseline} with "
    if math.isinf(needed):
        text += f"more than {curve[-1][0]}"
    elif needed == curve[0][0] and curve[0][1] > value:
        text += f"fewer than {curve[0][0]}"
    else:
        text += f"{needed:.0f}"
    return text + ", but no difference is shown there" * (not is_shown)
