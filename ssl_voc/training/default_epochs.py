"""Number of epochs where no flag says it."""

import math


def default_epochs(least_epochs, least_steps, steps_per_epoch):
    """Number of epochs that are at least so many, and at least so many steps."""
    return max(least_epochs, math.ceil(least_steps / steps_per_epoch))
