"""`metrics.jsonl` as a training writes it."""

import dataclasses

import keras
import numpy as np

from ssl_voc.callbacks.metrics_log import MetricsLog
from ssl_voc.callbacks.progress import Progress
from ssl_voc.runs.run_folder import RunFolder


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the run."""

    epochs: int = 3


def fit(folder, epochs, initial_epoch=0):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.125), "mse")
    images, targets = np.ones((16, 4), "float32"), np.ones((16, 1), "float32")
    with RunFolder.open(folder, Config(epochs), "pretrain") as run:
        callbacks = [Progress(epochs, 4, 4), MetricsLog(run)]
        arguments = {"epochs": epochs, "initial_epoch": initial_epoch, "verbose": 0}
        history = model.fit(images, targets, 4, callbacks=callbacks, **arguments)
        return run.read_epochs(), history.history


def test_each_epoch_of_fit_is_a_row_of_what_was_logged(tmp_path):
    rows, history = fit(tmp_path / "run", epochs=2)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert [row["loss"] for row in rows] == history["loss"]
    assert rows[0]["learning_rate"] == 0.125
    speed = {"seconds", "images_per_second"}
    assert set(rows[1]) == {"epoch", "loss", "learning_rate"} | speed


def test_resumed_fit_replaces_the_rows_it_trains_again(tmp_path):
    fit(tmp_path / "run", epochs=2)
    # The checkpoint covered one epoch only: the row of the second goes.
    rows, _ = fit(tmp_path / "run", epochs=3, initial_epoch=1)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
