"""Early stop of a training whose projections have collapsed into one."""

from ssl_voc.callbacks.training_watch import TrainingWatch


class CollapseWatch(TrainingWatch):
    """Stops when a metric is NaN, or all images have long had one projection.

    For objectives without negatives, whose loss does not tell. An epoch counts as
    collapsed when its `spread`, see `ssl_voc.metrics.ProjectionSpread`, is below
    `margin`.

    Args:
        margin: Spread below which projections have collapsed.
        **kwargs: Other arguments of `TrainingWatch`.

    Raises:
        StoppedEarly: from `fit`, saying why and what to try.
    """

    watched = "spread"
    reason = (
        "the projections of all photos have been nearly the same for {} steps: the "
        "network has collapsed, whatever its loss says."
    )

    def __init__(self, margin=0.1, **kwargs):
        super().__init__(margin=margin, **kwargs)

    def is_stuck(self, logs):
        spread = logs.get(self.watched)
        return spread is not None and spread < self.margin
