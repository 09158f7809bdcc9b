"""What a training tells of an early end, below any command."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from ssl_voc.cli.errors import StoppedEarly
from ssl_voc.training.lifecycle import run_training
from ssl_voc.training.run import TrainingRun


class FailingRun(TrainingRun):
    """Fails in `fit` after three of four epochs."""

    pools = ()

    def __init__(self, folder, error):
        self.config = SimpleNamespace(epochs=4)
        self.run = SimpleNamespace(path=folder)
        self.checkpoints = folder / "checkpoints"
        self.checkpoints.mkdir()
        (self.checkpoints / "epoch_00003.weights.h5").write_bytes(b"")
        self.error = error

    def fit(self):
        raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyboardInterrupt(), "^interrupted"),
        (OSError(28, "No space left on device"), "No space left"),
    ],
)
def test_what_is_saved_is_told_with_the_reason(tmp_path, error, reason):
    with pytest.raises(StoppedEarly, match=f"{reason}.* 3 of 4 epochs.*same command"):
        run_training(lambda: FailingRun(tmp_path, error))


def test_failure_of_the_photos_is_told_in_place_of_what_fit_raised(tmp_path):
    run = FailingRun(tmp_path, None)
    run.pools = [
        SimpleNamespace(failure=None),
        SimpleNamespace(failure=OSError(f"{Path('a.png')} is gone")),
    ]
    assert run.stop_reason(RuntimeError("pipeline")).startswith("a.png is gone. 3 of")


def test_defect_is_raised_as_it_is(tmp_path):
    with pytest.raises(KeyError, match="loss"):
        run_training(lambda: FailingRun(tmp_path, KeyError("loss")))
