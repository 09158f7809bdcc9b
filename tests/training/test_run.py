"""What a training tells of an early end, below any command."""

import errno
from types import SimpleNamespace

import pytest

from ssl_voc.cli.errors import StoppedEarly
from ssl_voc.training.run import TrainingRun, run_training


class ResourceExhaustedError(Exception):
    """As TensorFlow calls it, which these tests need not have."""


class FailingRun(TrainingRun):
    """Fails in `fit` after three of four epochs."""

    def __init__(self, folder, error, *failures):
        self.config = SimpleNamespace(finish=False, epochs=4)
        self.run = SimpleNamespace(path=folder)
        self.checkpoints = folder / "checkpoints"
        self.checkpoints.mkdir()
        (self.checkpoints / "epoch_00003.weights.h5").write_bytes(b"")
        self.error, self.failures = error, (None, *failures)

    @property
    def pools(self):
        return [SimpleNamespace(failure=failure) for failure in self.failures]

    def fit(self):
        raise self.error


@pytest.mark.parametrize(
    ("error", "failures", "reason"),
    [
        (KeyboardInterrupt(), [], "^interrupted"),
        (PermissionError(13, "Permission denied", "a/b"), [], "system refused.*'a/b'"),
        (OSError(28, "No space left", "a/b"), [], "disk is full: free some space"),
        (OSError(errno.EDQUOT, "Quota exceeded"), [], "disk is full"),
        # TensorFlow's words for it, which are not those of a full memory.
        (ResourceExhaustedError("a; No space left on device"), [], "disk is full"),
        (ResourceExhaustedError("OOM"), [], "memory is full.*--batch-size"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of"), [], "memory is full"),
        (MemoryError(), [], "memory is full"),
        # What the photos raised, in place of what `fit` made of it.
        (RuntimeError("pipeline"), [OSError("a.png is gone")], "^a.png is gone"),
    ],
)
def test_what_neither_person_nor_program_did_is_told(tmp_path, error, failures, reason):
    with pytest.raises(StoppedEarly, match=f"{reason}.* 3 of 4 epochs.*same command"):
        run_training(lambda: FailingRun(tmp_path, error, *failures))


@pytest.mark.parametrize("error", [ValueError("shape"), KeyError("loss")])
def test_defect_is_raised_as_it_is(tmp_path, error):
    with pytest.raises(type(error)):
        run_training(lambda: FailingRun(tmp_path, error))
