"""End of a training whose score no longer improves."""

import keras


class Patience(keras.callbacks.Callback):
    """Ends a training when its best epoch lies some epochs back.

    What it counts stands in the files and logs that `best` begins with, so that a run
    that goes on ends where it would have; `keras.callbacks.EarlyStopping` begins to
    count anew. Place it behind `best`.

    Args:
        best: The `BestWeights` of the training.
        num_epochs: Number of epochs without a better score that end it, at least 1.
        first_epoch: Number of epochs before those that count, as of a phase in which
            less is trained.
    """

    def __init__(self, best, num_epochs, first_epoch=0):
        super().__init__()
        if num_epochs < 1:
            raise ValueError(
                f"`num_epochs` must be at least 1. Received: num_epochs={num_epochs}"
            )
        self.best = best
        self.num_epochs = num_epochs
        self.first_epoch = first_epoch

    @property
    def is_over(self):
        """Whether the training has waited for so long."""
        since = max(self.best.best_epoch, self.first_epoch)
        return self.best.last_epoch - since >= self.num_epochs

    def on_epoch_end(self, epoch, logs=None):
        """Asks `fit` to stop."""
        if self.is_over:
            self.model.stop_training = True
