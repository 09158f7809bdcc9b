"""Early stop of a training with NaN losses or losses that stay at chance."""

import math

import keras

from ssl_voc.cli.errors import Diverged, StoppedEarly


class TrainingWatch(keras.callbacks.Callback):
    """Stops when the loss is NaN or infinite, or has sat at chance for long.

    Place it after callbacks that add metrics to the logs, such as `FeatureProbe`, whose
    `effective_rank` is looked at, too: weights that overflowed can give NaN features
    and yet a finite loss.

    Contrastive runs have been left at chance for hundreds of epochs because nobody
    looked. An epoch counts as sitting at chance when its `loss_over_chance` is above
    `margin`; the run stops when `patience_steps` steps in a row were spent so. Models
    without that metric are watched for NaN and infinite values alone.

    Args:
        patience_steps: Number of steps, at least 1,000: some runs take hundreds to
            leave chance.
        margin: Share of the chance level from which a loss learned nothing.
        check_every: Steps between looks at the loss, each of which waits for the
            device.
        advice: What to try, in a new run, when the loss stays at chance: a sentence
            without its full stop.
        required: Whether a model without the metric is refused.

    Attributes:
        watched: Name of the metric.

    Raises:
        StoppedEarly: from `fit`, saying why and what to try; `Diverged` at NaN.
        ValueError: from `fit`, where the required metric is missing.
    """

    watched = "loss_over_chance"
    reason = "the loss has been at chance for {} steps: the backbone learns nothing."

    def __init__(
        self,
        patience_steps=1000,
        margin=0.995,
        check_every=50,
        advice="",
        required=False,
    ):
        super().__init__()
        if patience_steps < 1000:
            raise ValueError(
                "`patience_steps` must be at least 1000: runs that learn may take "
                f"hundreds to begin. Received: patience_steps={patience_steps}"
            )
        self.patience_steps = patience_steps
        self.margin = margin
        self.check_every = check_every
        self.advice = advice
        self.required = required
        self._stuck_steps = 0
        self._steps_in_epoch = self._next_look = 0
        self._done_epochs = 0

    def remember(self, rows, steps_per_epoch):
        """Counts on where an earlier start of the run left off.

        Args:
            rows: The logs of its epochs, in their order.
            steps_per_epoch: Number of steps in each of them.
        """
        for row in rows:
            self._count(row, steps_per_epoch)

    def on_epoch_begin(self, epoch, logs=None):
        """Counts the steps of the epoch anew."""
        self._steps_in_epoch = self._next_look = 0
        self._done_epochs = epoch

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the loss now and then."""
        self._steps_in_epoch = batch + 1
        if batch >= self._next_look:  # steps may come several at a time
            self._next_look = batch + self.check_every
            self._stop_at_nan(logs)

    def on_epoch_end(self, epoch, logs=None):
        """Looks at the epoch's mean loss."""
        self._stop_at_nan(logs)
        if self.required and self.watched not in (logs or {}):
            raise ValueError(
                f"the metrics lack {self.watched!r}, which tells whether a training "
                f"learns. Received: {', '.join(logs or {})}"
            )
        self._count(logs or {}, self._steps_in_epoch)
        if self._stuck_steps >= self.patience_steps:
            reason = self.reason.format(self._stuck_steps)
            advice = self.advice and f" {self.advice}, in a new --out."
            raise StoppedEarly(f"{reason}{advice}")

    def is_stuck(self, logs):
        """Whether the mean figures of an epoch show that it learned nothing."""
        # NaN is logged as `None`.
        return (logs.get(self.watched) or 0.0) >= self.margin

    def _count(self, logs, num_steps):
        self._stuck_steps = self._stuck_steps + num_steps if self.is_stuck(logs) else 0

    def _stop_at_nan(self, logs):
        for name in ("loss", "effective_rank"):
            value = float((logs or {}).get(name, 0.0))
            if not math.isfinite(value):
                raise Diverged(
                    f"{name} is {value} in epoch {self._done_epochs + 1}. Try a lower "
                    "--learning-rate, a longer --warmup, or --precision float32, in a "
                    "new --out."
                )
