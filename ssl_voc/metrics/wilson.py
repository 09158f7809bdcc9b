"""Wilson interval of a binomial share."""


def wilson_interval(share, count):
    """Wilson's score interval of a binomial share, 95 %.

    Args:
        share: Observed share, in `[0, 1]`: a number of hits over `count`.
        count: Number of trials, at least 1.

    Returns:
        List `[low, high]`, in `[0, 1]`.

    Reference:
        - [Wilson, 1927](https://doi.org/10.1080/01621459.1927.10502953)
    """
    from scipy.stats import binomtest

    if count < 1:
        raise ValueError(f"`count` must be at least 1. Received: count={count}")
    test = binomtest(round(share * count), count)
    return [float(limit) for limit in test.proportion_ci(0.95, "wilson")]
