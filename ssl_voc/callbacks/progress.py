"""Progress bar and log line of each epoch."""

import contextlib
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import keras
from tqdm import tqdm

from ssl_voc.callbacks.throughput import Throughput
from ssl_voc.cli.durations import format_duration
from ssl_voc.runs.progress_bar import LINE_SECONDS

_REFRESH_SECONDS = 0.2
_BAR_FORMAT = "{desc} |{bar}| {n_fmt}/{total_fmt}{postfix}"


class Progress(keras.callbacks.Callback):
    """Shows a bar during an epoch, in a terminal, and a line after it, everywhere.

    Where there is no terminal, an epoch that takes long has a line now and then, too.

    At the end of an epoch it adds `learning_rate`, `seconds`, `images_per_second` and
    `data_wait_share` to the logs, so callbacks after it in the list find them there.
    Use it with `fit(verbose=0)`.

    Args:
        total_epochs, steps_per_epoch, timer: As of `Throughput`.
        batch_size: Global batch size, in images.
        shown: Log names to show beside speed and time left, where logged.
        stream: Where to write. `None`: standard output.
    """

    def __init__(
        self,
        total_epochs: int,
        steps_per_epoch: int,
        batch_size: int,
        timer: Any = None,
        shown: Sequence[str] = ("loss", "loss_over_chance"),
        stream: TextIO | None = None,
    ):
        super().__init__()
        self.total_epochs = total_epochs
        self.steps_per_epoch = steps_per_epoch
        self.batch_size = batch_size
        self.timer = timer
        self.shown = tuple(shown)
        self.stream = sys.stdout if stream is None else stream
        self.throughput = Throughput(total_epochs, steps_per_epoch, timer)
        self._bar = None
        self._refreshed = 0.0
        self._told = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None):
        """Starts the epoch's bar."""
        self.throughput.begin_epoch(epoch)
        if self.stream.isatty():
            self._bar = tqdm(
                total=self.steps_per_epoch,
                desc=self._title(),
                bar_format=_BAR_FORMAT,
                file=self.stream,
                dynamic_ncols=True,
                mininterval=_REFRESH_SECONDS,
                leave=False,  # The epoch's line takes its place.
            )

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None):
        """Moves the bar."""
        self.throughput.end_step(batch + 1)
        now = time.monotonic()
        if self._bar is None:
            if now - self._told > LINE_SECONDS:
                self._told = now
                step = f"step {self.throughput.steps_done}/{self.steps_per_epoch}"
                parts = [*self._metrics(logs or {}), *self._time_left()]
                self._print(f"{self._title()}, {step}: {', '.join(parts)}")
            return
        if now - self._refreshed > _REFRESH_SECONDS:
            # Not at every step: a learning rate schedule is work, too.
            self._refreshed = now
            parts = [*self._time_left(), *self._metrics(logs or {})]
            self._bar.set_postfix_str(", ".join(parts), refresh=False)
        self._bar.update(self.throughput.steps_done - self._bar.n)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None):
        """Completes the logs and turns the bar into a line."""
        logs = {} if logs is None else logs
        logs["learning_rate"] = _learning_rate(self.model)
        logs["seconds"] = self.throughput.epoch_seconds
        if self.throughput.steps_per_second is not None:
            logs["images_per_second"] = (
                self.throughput.steps_per_second * self.batch_size
            )
        if self.throughput.data_wait_share is not None:
            logs["data_wait_share"] = self.throughput.data_wait_share
        parts = [*self._metrics(logs), f"took {format_duration(logs['seconds'])}"]
        if epoch + 1 < self.total_epochs:
            parts += self._time_left()
        self.close()
        self._told = time.monotonic()
        self._print(f"{self._title()}: {', '.join(parts)}")

    def close(self) -> None:
        """Takes the bar of an epoch that was cut short off the terminal."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _print(self, text: str) -> None:
        with contextlib.suppress(OSError):  # that nobody reads it costs no epoch
            print(text, file=self.stream, flush=True)

    def _title(self) -> str:
        return f"epoch {self.throughput.epoch + 1}/{self.total_epochs}"

    def _metrics(self, logs: Mapping[str, Any]) -> list[str]:
        parts = []
        for name in self.shown:
            if name in logs:
                parts.append(f"{name.replace('_over_', '/')} {float(logs[name]):.3f}")
        parts.append(f"lr {_learning_rate(self.model):.3g}")
        if self.throughput.steps_per_second is not None:
            speed = self.throughput.steps_per_second * self.batch_size
            parts.append(f"{speed:.{0 if speed >= 10 else 2}f} img/s")
        if self.throughput.data_wait_share is not None:
            parts.append(f"data wait {self.throughput.data_wait_share:.0%}")
        return parts

    def _time_left(self) -> list[str]:
        seconds = self.throughput.seconds_left
        return [] if seconds is None else [f"{format_duration(seconds)} left"]


def _learning_rate(model: keras.Model) -> float:
    rate = model.optimizer.learning_rate
    return float(keras.ops.convert_to_numpy(rate))
