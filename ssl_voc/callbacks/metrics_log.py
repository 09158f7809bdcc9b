"""Log of metrics: one line of `metrics.jsonl` per epoch."""

from typing import Any

import keras

from ssl_voc.runs.run_folder import RunFolder


class MetricsLog(keras.callbacks.Callback):
    """Appends an epoch's logs to `metrics.jsonl`, with `epoch` counted from 1.

    Place it after `Progress`, which adds learning rate, time and speed to the logs,
    and before the callback that saves checkpoints: rows without a checkpoint are cut
    off when the run goes on, but a checkpoint without its row would leave a gap.

    Args:
        run_folder: The run's folder.
    """

    def __init__(self, run_folder: RunFolder):
        super().__init__()
        self.run_folder = run_folder
        self._trimmed = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None):
        """Cuts off, once, the rows of epochs that will be trained again."""
        if not self._trimmed:
            self.run_folder.drop_epochs_after(epoch)
            self._trimmed = True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None):
        """Appends the epoch's line."""
        values = {name: float(value) for name, value in (logs or {}).items()}
        self.run_folder.append_jsonl("metrics.jsonl", {"epoch": epoch + 1, **values})
