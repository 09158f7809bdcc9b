"""Runs `pretrain` and stops it at one exact batch, as a kill or a person would.

python -m tests.pretrain.stopped SIGNAL EPOCH BATCH [flags of pretrain]
"""

import os
import signal
import subprocess
import sys

from tests.conftest import REPOSITORY


def start(*arguments):
    """Runs Python with these arguments to its end, as `subprocess.run` gives it."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )


def stop_at(number, epoch, batch):
    """Sends this process a signal after `batch` of `epoch`, both counted from 0."""
    from ssl_voc.callbacks import TrainingWatch

    # A shell's background jobs, and what they start, ignore interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    on_epoch_begin = TrainingWatch.on_epoch_begin
    reached = {}

    def begin(self, current, logs=None):
        reached["epoch"] = current
        on_epoch_begin(self, current, logs)

    def end(self, current, logs=None):
        if (reached["epoch"], current) == (epoch, batch):
            os.kill(os.getpid(), number)

    TrainingWatch.on_epoch_begin = begin
    TrainingWatch.on_train_batch_end = end


if __name__ == "__main__":
    from ssl_voc.pretrain import command

    name, epoch, batch, *flags = sys.argv[1:]
    stop_at(getattr(signal, name), int(epoch), int(batch))
    sys.exit(command.main(flags))
