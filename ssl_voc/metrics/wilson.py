"""Wilson interval of a binomial share."""

import math


def wilson_interval(share, count, z=1.96):
    """Wilson's score interval of a binomial share.

    Args:
        share: Observed share, in `[0, 1]`.
        count: Number of trials, at least 1.
        z: Standard normal quantile; 1.96 gives 95 %.

    Returns:
        List `[low, high]`, in `[0, 1]`.

    Reference:
        - [Wilson, 1927](https://doi.org/10.1080/01621459.1927.10502953)
    """
    if count < 1:
        raise ValueError(f"`count` must be at least 1. Received: count={count}")
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    center, scale = share + z * z / (2 * count), 1 + z * z / count
    return [max(0.0, (center - spread) / scale), min(1.0, (center + spread) / scale)]
