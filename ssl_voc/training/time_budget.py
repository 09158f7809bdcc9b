"""Number of epochs that fit into a given time."""

import bisect
import time

import keras
from keras import ops

from ssl_voc.cli.durations import format_duration, parse_duration
from ssl_voc.distributed import on_all_devices

# Steps that are timed; the first ones compile and fill the input pipeline.
_UNTIMED_STEPS, _TIMED_STEPS = 2, 6
# Shares of the time that are planned with: machines slow down, results get written. By
# a trial of steps; then by the pace of first shares of the epochs.
PLANNED_SHARE = 0.9
PACES = ((0.05, 0.9), (0.25, 0.95), (0.6, 0.97))
_NUMBERS = range(1, 2**31)  # of epochs that may fit


class TimeBudget:
    """What `--time` leaves room for, from when the run is made.

    Args:
        run: The `TrainingRun` whose number of epochs it sets.
        text: Value of `--time`.
    """

    def __init__(self, run, text):
        self.run, self.text = run, text
        self._began = time.monotonic()

    @property
    def seconds_left(self):
        return parse_duration(self.text) - (time.monotonic() - self._began)

    def fit(self):
        """Trains the epochs that tell how many there are to be."""
        self.plan()
        for shares in PACES:
            self.fit_to_pace(*shares)

    def plan(self):
        """Sets the number of epochs by a trial of steps."""
        run = self.run
        batches, _ = run.timed_batches()
        step_seconds, pause = run.time_steps(batches), run.measure_pause()

        def seconds_of(number):
            return number * (step_seconds(number) * run.steps + pause)

        seconds = self.seconds_left
        done, number = run.done_epochs, count_epochs(seconds, seconds_of)
        run.set_epochs(done + number)
        epochs = f"{number} {'more ' if done else ''}epochs of {run.steps} steps"
        text = f"{epochs} fit into {self.text}"
        if seconds_of(1) > seconds:
            text = (
                f"one epoch of {run.steps} steps takes about "
                f"{format_duration(seconds_of(1))}, longer than {self.text}: that one "
                "is trained"
            )
        print(f"time: {text}, {step_seconds(number):.2g} s a step (--time)", flush=True)

    def fit_to_pace(self, share, planned_share):
        """Trains some epochs, and corrects the number of all by the time they take.

        Only where enough of these are of the pace of all others.

        Args:
            share: Share of the planned epochs that are done then.
            planned_share: Share of the time left that the others may take.
        """
        run, planned = self.run, self.run.config.epochs
        end = pace_epochs(planned, share)
        begin = max(run.done_epochs, run.pace_begins) + 1
        if end <= begin:
            return
        run.fit_until(begin)  # whose last epoch may compile
        began = time.monotonic()
        run.fit_until(end)
        if run.config.epochs != planned:
            return  # --patience has ended it
        epoch_seconds = (time.monotonic() - began) / (end - begin)
        epochs = end + count_epochs(
            self.seconds_left, lambda number: number * epoch_seconds, planned_share
        )
        if epochs != planned:
            run.set_epochs(epochs)
            print(
                f"time: {epochs} epochs, not {planned}: epochs took about "
                f"{epoch_seconds:.2g} s each up to epoch {end} (--time)",
                flush=True,
            )


def measure_step(model, batches):
    """Seconds that a training step takes, by a trial that leaves no trace.

    Weights, statistics and the state of the optimizer are as before, afterwards; the
    step stays compiled.

    Args:
        model: Built and compiled Keras model.
        batches: What its `fit` takes; enough for a trial of 8 steps.
    """
    with on_all_devices(model):
        model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    values = [ops.convert_to_numpy(variable).copy() for variable in variables]
    ends = []
    mark = keras.callbacks.LambdaCallback(
        # Reading the loss waits for the device.
        on_train_batch_end=lambda batch, logs: ends.append(
            (float(logs["loss"]), time.perf_counter())
        )
    )
    model.fit(
        batches,
        steps_per_epoch=_UNTIMED_STEPS + _TIMED_STEPS,
        shuffle=False,
        verbose=0,
        callbacks=[mark],
    )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    times = [end for _, end in ends][_UNTIMED_STEPS - 1 :]
    return (times[-1] - times[0]) / (len(times) - 1)


def count_epochs(seconds_left, seconds_of, planned_share=PLANNED_SHARE):
    """Number of epochs that fit into the time that is left, at least 1.

    Args:
        seconds_left: Time for all epochs.
        seconds_of: Function from a number of epochs to the time that they take, with
            what is done between two.
        planned_share: Share of the time that they may take.
    """
    limit = planned_share * seconds_left
    return max(1, bisect.bisect_right(_NUMBERS, limit, key=seconds_of))


def pace_epochs(epochs, share):
    """Number of first epochs whose pace tells more than a trial of steps did.

    At least 2, as the first one takes longer, or 0 where epochs are too few.

    Args:
        epochs: Planned number.
        share: Share of them.
    """
    number = int(share * epochs)
    return max(2, number) if number else 0
