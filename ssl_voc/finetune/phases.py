"""Phases of a fine-tuning schedule: which epochs train the backbone."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Phase:
    """Epochs that train the same weights.

    Attributes:
        first: Number of epochs done before.
        last: Number of epochs done after.
        frozen: Whether the backbone stays as it is.
    """

    first: int
    last: int
    frozen: bool

    def warm_epoch(self, warmup):
        """Number of epochs done when the learning rate has been at its peak.

        Args:
            warmup: Share of the phase in which it rises.
        """
        return self.first + math.ceil(warmup * (self.last - self.first))


def default_unfreeze_epoch(epochs):
    """Number of epochs of the head alone, of a number of epochs."""
    return max(1, round(epochs / 6))


def plan_phases(schedule, epochs, unfreeze_epoch):
    """The phases of a schedule, as a list of `Phase`."""
    if schedule == "staged":
        return [Phase(0, unfreeze_epoch, True), Phase(unfreeze_epoch, epochs, False)]
    return [Phase(0, epochs, schedule == "frozen")]
