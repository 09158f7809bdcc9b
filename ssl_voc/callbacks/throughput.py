"""Throughput of a training: steps per second, data wait, time left."""

import time
from collections.abc import Callable
from typing import Any


class Throughput:
    """Measures the steps of a training.

    The first step after the start compiles and fills the input pipeline: no figure
    but `epoch_seconds` includes it.

    Args:
        total_epochs: Epochs of the whole run, earlier starts included.
        steps_per_epoch: Steps of one epoch.
        timer: Has `seconds` spent waiting for data so far
            (`ssl_voc.training.batch_timer`). `None` if nobody measures it.
        clock: Returns seconds.
    """

    def __init__(
        self,
        total_epochs: int,
        steps_per_epoch: int,
        timer: Any = None,
        clock: Callable[[], float] = time.perf_counter,
    ):
        self.total_epochs = total_epochs
        self.steps_per_epoch = steps_per_epoch
        self.timer = timer
        self.clock = clock
        self.warm = False
        self.epoch = 0
        self.steps_done = 0
        self._earlier_steps = 0
        self._earlier_seconds = 0.0
        self._pauses: list[float] = []
        self._mark(0)
        self._last_step_time = self._mark_time

    def begin_epoch(self, epoch: int) -> None:
        """Starts epoch `epoch`, counted from 0."""
        now = self.clock()
        if self.warm:
            self._earlier_steps += self._marked_steps
            self._earlier_seconds += self._marked_seconds
            # Between epochs: validation, checkpoints, pictures.
            self._pauses.append(now - self._last_step_time)
        self.epoch = epoch
        self.steps_done = 0
        self._epoch_start = self._last_step_time = now
        self._mark(0)

    def end_step(self, steps_done: int) -> None:
        """Notes that the epoch's first `steps_done` steps are done."""
        self._last_step_time = self.clock()
        self.steps_done = max(self.steps_done, steps_done)
        if not self.warm:
            self.warm = True
            self._mark(self.steps_done)

    @property
    def epoch_seconds(self) -> float:
        """Seconds since the epoch began."""
        return self.clock() - self._epoch_start

    @property
    def steps_per_second(self) -> float | None:
        """Speed in this epoch; `None` until a step was measured."""
        if not self._marked_steps or not self._marked_seconds:
            return None
        return self._marked_steps / self._marked_seconds

    @property
    def data_wait_share(self) -> float | None:
        """Share of this epoch's training time spent waiting for data, in `[0, 1]`."""
        if self.timer is None or not self._marked_steps or not self._marked_seconds:
            return None
        waited = self.timer.seconds - self._mark_waited
        return min(1.0, waited / self._marked_seconds)

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the end of the run; `None` until a step was measured."""
        steps = self._earlier_steps + self._marked_steps
        if not steps:
            return None
        step = (self._earlier_seconds + self._marked_seconds) / steps
        pause = sum(self._pauses) / len(self._pauses) if self._pauses else 0.0
        epochs_left = self.total_epochs - self.epoch - 1
        steps_left = (epochs_left + 1) * self.steps_per_epoch - self.steps_done
        return max(0.0, step * steps_left + pause * epochs_left)

    def _mark(self, steps_done: int) -> None:
        self._mark_time = self.clock()
        self._mark_waited = 0.0 if self.timer is None else self.timer.seconds
        self._mark_steps = steps_done

    @property
    def _marked_steps(self) -> int:
        return self.steps_done - self._mark_steps

    @property
    def _marked_seconds(self) -> float:
        return self._last_step_time - self._mark_time
