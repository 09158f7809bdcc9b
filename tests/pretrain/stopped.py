"""Runs `pretrain` and stops it at one exact batch, as a kill or a person would.

python -m tests.pretrain.stopped SIGNAL EPOCH BATCH [flags of pretrain]
"""

import json
import os
import signal
import subprocess
import sys

import numpy as np

import pipelines
from tests.interpreters import REPOSITORY

TIMED = ("images_per_second", "data_wait_share", "seconds")


def start(*arguments):
    """Runs Python with these arguments to its end, as `subprocess.run` gives it.

    Logs of native libraries are as users have them.
    """
    environment = dict(os.environ)
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
    )


def rows_of(run):
    """Rows of `metrics.jsonl`."""
    return [json.loads(row) for row in (run / "metrics.jsonl").read_text().splitlines()]


def ids_in(path):
    """Ids of the photos of a list that a run wrote."""
    return list(pipelines.read_photo_table(path).image_ids)


def arrays_in(run):
    """Everything in the last checkpoint: weights and the optimizer's state."""
    newest = sorted((run / "checkpoints").glob("epoch_*.npz"))[-1]
    with np.load(newest) as arrays:
        return dict(arrays)


def assert_same_training(run, other):
    """Checkpoints bit for bit, and all figures but those of the clock."""
    arrays, others = arrays_in(run), arrays_in(other)
    assert arrays.keys() == others.keys()
    assert not [n for n in arrays if not (arrays[n] == others[n]).all()]
    figures, others = (
        [{k: v for k, v in row.items() if k not in TIMED} for row in rows_of(folder)]
        for folder in (run, other)
    )
    assert figures == others


def stop_after(epochs, config):
    """Runs up to a number of epochs, of three, and interrupts the run there."""
    import pytest

    from ssl_voc.callbacks import EpochSeeds
    from ssl_voc.cli.errors import StoppedEarly
    from ssl_voc.pretrain import pretrain

    begin = EpochSeeds.on_epoch_begin

    def stop(self, epoch, logs=None):
        if epoch == epochs:
            raise KeyboardInterrupt
        begin(self, epoch, logs)

    with pytest.MonkeyPatch.context() as patch:
        # However short, each epoch is saved.
        patch.setattr("ssl_voc.training.run._CHECKPOINT_TIME_SHARE", 1.0)
        patch.setattr(EpochSeeds, "on_epoch_begin", stop)
        with pytest.raises(StoppedEarly, match=f"{epochs} of 3 epochs"):
            pretrain(config)


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
