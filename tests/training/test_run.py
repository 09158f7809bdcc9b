"""What a training tells of an early end, below any command."""

import contextlib
import errno
import signal
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from ssl_voc import callbacks
from ssl_voc.callbacks.metrics_log import MetricsLog
from ssl_voc.cli.errors import Diverged, StoppedEarly
from ssl_voc.runs import array_files
from ssl_voc.runs.json_files import read_json_dict
from ssl_voc.runs.run_folder import RunFolder
from ssl_voc.training.config import TrainingConfig
from ssl_voc.training.run import TrainingRun, run_training


class ResourceExhaustedError(Exception):
    """As TensorFlow calls it, which these tests need not have."""


class FailingRun(TrainingRun):
    """Fails in `fit` after three of four epochs."""

    def __init__(self, folder, error, *failures):
        self.config = SimpleNamespace(finish=False, epochs=4)
        self.settings = TrainingConfig(learning_rate=0.1, weight_decay=0.0)
        self.folder = RunFolder(folder, None, resuming=False, manifest={})
        self.checkpoints = folder / "checkpoints"
        self.checkpoints.mkdir()
        (self.checkpoints / "epoch_00003.npz").write_bytes(b"")
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


@pytest.mark.parametrize("kind", [Diverged, StoppedEarly])
def test_divergence_alone_is_noted_in_the_manifest(tmp_path, kind):
    with pytest.raises(kind, match="loss is nan 3 of 4 epochs are saved in"):
        run_training(lambda: FailingRun(tmp_path, kind("loss is nan")))
    manifest = read_json_dict(tmp_path / "manifest.json")
    assert manifest.get("diverged", False) == (kind is Diverged)


@pytest.mark.parametrize("error", [ValueError("shape"), KeyError("loss")])
def test_defect_is_raised_as_it_is(tmp_path, error):
    with pytest.raises(type(error)):
        run_training(lambda: FailingRun(tmp_path, error))


class TinyRun(TrainingRun):
    """Fits one layer to zeros for four epochs of two steps."""

    steps, done_epochs, pools = 2, 0, ()

    def __init__(self, folder, **settings):
        defaults = {"epochs": 4, "learning_rate": 0.1, "weight_decay": 0.0}
        super().__init__(TrainingConfig(**defaults | settings), folder)
        self.model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        self.model.compile("sgd", "mse")

    def fit(self):
        self.fit_epochs(4, ("loss",), [])

    def panels(self):
        return []

    def dataset(self, *arguments):
        import tensorflow as tf

        batch = np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")
        return tf.data.Dataset.from_tensors(batch).repeat()

    def batches(self, *arguments):
        while True:
            yield np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")


def train_until_interrupted(folder, saved):
    """Trains as in a terminal, where Ctrl-C raises; returns the rows of its epochs."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    config = TrainingConfig(learning_rate=0.1, weight_decay=0.0)
    try:
        with RunFolder.open(folder, config, "pretrain") as run:
            with pytest.raises(StoppedEarly, match=f"^interrupted. {saved} are"):
                run_training(lambda: TinyRun(run))
            return run.read_epochs()
    finally:
        assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


@pytest.mark.parametrize("presses", [1, 3])
def test_epoch_that_was_told_is_saved_though_ctrl_c_comes_first(
    tmp_path, monkeypatch, capsys, presses
):
    log, replacing = MetricsLog.on_epoch_end, array_files.replacing

    def press():
        for _ in range(presses):
            signal.raise_signal(signal.SIGINT)

    def press_after_a_line(callback, epoch, logs=None):
        log(callback, epoch, logs)
        if epoch == 1:
            press()

    @contextlib.contextmanager
    def press_while_writing(path):
        with replacing(path) as temporary:
            yield temporary
            if path.name.startswith("epoch_00002"):
                press()

    monkeypatch.setattr(MetricsLog, "on_epoch_end", press_after_a_line)
    monkeypatch.setattr(array_files, "replacing", press_while_writing)
    assert len(train_until_interrupted(tmp_path / "run", "2 of 4 epochs")) == 2
    assert callbacks.last_epoch(tmp_path / "run" / "checkpoints") == 2
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith("compiling") or keras.backend.backend() == "torch"
    told = ["epoch 1/4", "epoch 2/4", "stopping when the epoch is saved"]
    assert [line.split(":")[0] for line in lines] == told


def test_ctrl_c_while_the_last_checkpoint_of_a_fit_is_written_is_heard(
    tmp_path, monkeypatch
):
    def press(callback, logs=None):
        signal.raise_signal(signal.SIGINT)
        write(callback, logs)

    write = callbacks.Checkpoint.on_train_end
    monkeypatch.setattr(callbacks.Checkpoint, "on_train_end", press)
    monkeypatch.setattr("ssl_voc.training.run._CHECKPOINT_TIME_SHARE", 1e-9)
    assert len(train_until_interrupted(tmp_path / "run", "4 of 4 epochs")) == 4


def test_a_run_that_is_finished_early_keeps_rows_of_saved_epochs_alone(tmp_path):
    config = TrainingConfig(learning_rate=0.1, weight_decay=0.0)
    with RunFolder.open(tmp_path / "run", config, "pretrain") as folder:
        for epoch in range(1, 6):
            folder.append_jsonl("metrics.jsonl", {"epoch": epoch, "loss": 1.0})
        run = TinyRun(folder)
        run.done_epochs = 3
        run.stop_here()
        assert len(folder.read_epochs()) == 3 == run.config.epochs


def test_a_picture_that_cannot_be_drawn_costs_no_epoch(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(errno.ENOSPC, "No space left")

    monkeypatch.setattr("ssl_voc.training.run.plot_curves", fail)
    monkeypatch.setattr("ssl_voc.training.run._SECONDS_BETWEEN_CURVES", 0.0)
    config = TrainingConfig(learning_rate=0.1, weight_decay=0.0)
    with RunFolder.open(tmp_path / "run", config, "pretrain") as run:
        with pytest.raises(StoppedEarly, match="disk is full.* 1 of 4 epochs are"):
            run_training(lambda: TinyRun(run))


def test_curves_are_drawn_where_a_kill_left_no_epoch_to_train(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("ssl_voc.training.run.plot_curves", lambda *a: drawn.append(a))
    for name in ("fit", "finish", "format_summary"):
        monkeypatch.setattr(TinyRun, name, lambda *arguments: "")
    config = TrainingConfig(learning_rate=0.1, weight_decay=0.0)
    with RunFolder.open(tmp_path / "run", config, "pretrain") as run:
        run_training(lambda: TinyRun(run))
    assert drawn == [([], tmp_path / "run" / "curves.png", [])]


@pytest.mark.parametrize(
    ("settings", "planned_for", "is_timed"),
    [
        ({}, {"time": "40m"}, False),
        ({"time": "40m"}, {"time": "40m"}, False),
        ({"time": "2h"}, {"time": "40m"}, True),
    ],
)
def test_another_time_is_tried_anew(tmp_path, settings, planned_for, is_timed):
    folder = RunFolder(tmp_path, None, True, manifest={"epochs": 20, **planned_for})
    run = TinyRun(folder, epochs=None, **settings)
    assert run.is_to_be_timed is is_timed
    run.choose_epochs(30, "by default")
    assert run.config.epochs == (30 if is_timed else 20)


def test_epochs_that_are_done_stay_whatever_a_time_had_planned(tmp_path):
    folder = RunFolder(tmp_path, None, True, manifest={"epochs": 20, "time": "40m"})
    TinyRun(folder, epochs=100)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "epoch_00060.npz").touch()
    run = TinyRun(folder, epochs=None, time="40m")
    run.choose_epochs(30, "by default")
    assert run.config.epochs == 60


def test_another_time_is_told(tmp_path, capsys):
    folder = FailingRun(tmp_path, None).folder
    folder.update_manifest(epochs=7, time="4m")
    TrainingRun(TrainingConfig(learning_rate=0.1, weight_decay=0.0, time="9m"), folder)
    assert "--time: 9m from now on, 4m before" in capsys.readouterr().out
    assert "epochs" not in folder.manifest


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="compiles nothing")
def test_the_silence_of_the_first_step_is_told_once_before_it(tmp_path, capsys):
    told = []

    class Run(FailingRun):
        def timed_batches(self):
            told.append(capsys.readouterr().out)
            raise KeyboardInterrupt

    run = Run(tmp_path, None)
    run._has_stepped = False
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run.fit_epochs(4, (), [])
    assert told[0].startswith("compiling the training step") and told[1] == ""


def test_a_run_that_goes_on_tells_how_much_of_its_time_is_left(tmp_path, capsys):
    run = FailingRun(tmp_path, None)
    for epoch, seconds in enumerate((90.0, 30.0, 30.0), start=1):
        run.folder.append_jsonl("metrics.jsonl", {"epoch": epoch, "seconds": seconds})
    run._budget = None
    run.tell_of_resumption(3)
    assert capsys.readouterr().out == "going on after epoch 3\n"
    run._budget, run.config.epochs = SimpleNamespace(text="4m"), 7
    run.folder.manifest["epochs"] = 7
    run.tell_of_resumption(3)
    # 4 epochs of 30 s.
    printed = capsys.readouterr().out
    assert "epoch 3 of 7, " in printed and "4m in all (--time): about 2:00" in printed
    run.config.finish = True  # and so trains no more
    run.tell_of_resumption(3)
    assert capsys.readouterr().out == "going on after epoch 3\n"
