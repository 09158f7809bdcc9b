"""How long training steps take, seen from within `fit`."""

import time

import keras


class StepClock(keras.callbacks.Callback):
    """Times the steps of a `fit` after the first ones.

    What `fit` does before its first step and after its last one is not in it.

    Args:
        num_unmeasured: Number of steps, at least 1.
        timer: Has `seconds` spent waiting for data so far; `None` if nobody asks.

    Attributes:
        seconds: By the clock.
        cpu_seconds: Of the process, over all threads.
        waited: Seconds of waiting for data, where there is a timer.
    """

    def __init__(self, num_unmeasured, timer=None):
        super().__init__()
        self.num_unmeasured = num_unmeasured
        self.timer = timer

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])  # An accelerator may be behind.
        now = self._now()
        if batch + 1 == self.num_unmeasured:
            self._start = now
        elif batch + 1 > self.num_unmeasured:
            self.seconds, self.cpu_seconds, self.waited = (
                time - start for time, start in zip(now, self._start, strict=True)
            )

    def _now(self):
        waited = 0.0 if self.timer is None else self.timer.seconds
        return time.perf_counter(), time.process_time(), waited


def time_steps(fit, num_steps):
    """Times training steps after one more.

    Args:
        fit: Function that calls `Model.fit` with the keyword arguments it is given.
        num_steps: Number of steps to time.

    Returns:
        Dictionary of `"seconds"` by the clock and `"cpu_seconds"` over all threads, of
        one step.
    """
    clock = StepClock(1)
    fit(steps_per_epoch=1 + num_steps, callbacks=[clock], verbose=0)
    return {
        "seconds": clock.seconds / num_steps,
        "cpu_seconds": clock.cpu_seconds / num_steps,
    }
