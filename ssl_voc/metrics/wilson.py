"""Wilson interval of a binomial share."""

import math

_Z = 1.96  # standard normal quantile of 95 %


def wilson_interval(share, count):
    """Wilson's score interval of a binomial share, 95 %.

    Args:
        share: Observed share, in `[0, 1]`.
        count: Number of trials, at least 1.

    Returns:
        List `[low, high]`, in `[0, 1]`.

    Reference:
        - [Wilson, 1927](https://doi.org/10.1080/01621459.1927.10502953)
    """
    if count < 1:
        raise ValueError(f"`count` must be at least 1. Received: count={count}")
    spread = _Z * math.sqrt(share * (1 - share) / count + _Z * _Z / (4 * count * count))
    center, scale = share + _Z * _Z / (2 * count), 1 + _Z * _Z / count
    return [max(0.0, (center - spread) / scale), min(1.0, (center + spread) / scale)]
