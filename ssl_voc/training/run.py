"""Training run from preparation to summary, the base class of both commands' runs."""

import dataclasses
import importlib.util
import statistics
import time

import keras

from ssl_voc import callbacks, devices, distributed
from ssl_voc.callbacks.metrics_log import MetricsLog
from ssl_voc.callbacks.progress import Progress
from ssl_voc.cli.durations import format_duration
from ssl_voc.cli.errors import (
    Diverged,
    StoppedEarly,
    as_bad_input,
    is_full_disk,
    is_out_of_memory,
)
from ssl_voc.cli.held_interrupts import HeldInterrupts
from ssl_voc.training.batch_timer import TimedDataset, TimedIterator
from ssl_voc.training.time_budget import TimeBudget, measure_step
from ssl_voc.visualization.curves import plot_curves

# Drawing takes longer than an epoch of a hundred photos.
_SECONDS_BETWEEN_CURVES = 30.0
# Of writing checkpoints; after each epoch of few labels it would be half of the time.
_CHECKPOINT_TIME_SHARE = 0.05


class TrainingRun:
    """A training between its settings and the weights that it saves.

    A subclass prepares photos and model, and sets `model`, `steps` (per epoch),
    `done_epochs` and, on the devices that train, `jit_compile`.

    Attributes:
        settings: The settings as given.
        config: The same, with what depends on the photos filled in.

    Args:
        config: A `TrainingConfig`, resolved.
        folder: The `RunFolder` to write to, new or to be resumed.
    """

    def __init__(self, config, folder):
        self.config, self.folder = config, folder
        self.settings = config
        self.checkpoints = folder.path / "checkpoints"
        devices.set_up_runtime(config.seed, config.deterministic, config.precision)
        self._drawn = 0.0
        self._has_stepped = False
        self._budget = config.time and TimeBudget(self, config.time)
        planned_for = folder.manifest.get("time")
        if config.time and planned_for not in (None, config.time):
            print(
                f"--time: {config.time} from now on, {planned_for} before: the number "
                "of epochs is chosen anew",
                flush=True,
            )
        if config.epochs is not None or config.time not in (None, planned_for):
            folder.manifest.pop("epochs", None)  # what --time gave no longer holds

    @property
    def pools(self):
        """Pools of photos that are read from while training."""
        raise NotImplementedError

    def fit(self):
        """Trains the epochs that are left."""
        if self.is_to_be_timed:
            self._budget.fit()
        self.fit_until(self.config.epochs)

    @property
    def is_to_be_timed(self):
        """Whether `--time` is given and no trial has told how many epochs that is."""
        return self._budget is not None and "epochs" not in self.folder.manifest

    def fit_until(self, end):
        """Trains up to an epoch; does nothing where that is done.

        Args:
            end: Number of that epoch.
        """
        raise NotImplementedError

    def measure_pause(self):
        """Seconds between two epochs, for validation, checkpoint and logs."""
        raise NotImplementedError

    @property
    def pace_begins(self):
        """Number of first epochs that do not tell how long the others take."""
        return 0

    def finish(self):
        """Saves the weights and the summary; returns the summary."""
        raise NotImplementedError

    def format_summary(self, summary):
        """What a person wants to know at the end, as text."""
        raise NotImplementedError

    def panels(self):
        """List of `Panel`s that `curves.png` shows."""
        raise NotImplementedError

    def dataset(self, *arguments):
        """Batches for `fit` as a `tf.data.Dataset`.

        Args:
            *arguments: Batch size, seed and number of epochs done.
        """
        raise NotImplementedError

    def batches(self, *arguments):
        """The same batches as an iterator, for backends without tensorflow."""
        raise NotImplementedError

    def choose_epochs(self, default, reason):
        """Fills `config.epochs` in where no flag says it.

        With `--time` the number is the one that `TimeBudget` recorded, or, before
        that, `default`.

        Args:
            default: Number without flags.
            reason: Why it is that, in words.
        """
        epochs = self.config.epochs
        if epochs is None:
            epochs = self.folder.manifest.get("epochs", default)
            epochs = max(epochs, callbacks.last_epoch(self.checkpoints))
        if self.config.epochs is None and self._budget is None:
            print(
                f"epochs: {epochs} of {self.steps} steps ({reason}: --epochs)",
                flush=True,
            )
        self.config = dataclasses.replace(self.config, epochs=epochs, time=None)

    def set_epochs(self, epochs):
        """Sets the number of epochs where settings and learning rate read it.

        It is recorded in the manifest: a run that goes on keeps to it.
        """
        self.folder.update_manifest(epochs=epochs, time=self._budget.text)
        self.config = dataclasses.replace(self.config, epochs=epochs)
        optimizer = self.model.optimizer
        # In half precision it stands inside one that scales the loss.
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        optimizer._learning_rate.set_total_steps(self.steps * epochs)
        if keras.backend.backend() == "jax":
            # Its compiled step holds the number of before as a constant.
            self.model.make_train_function(force=True)

    def time_steps(self, batches):
        """Function from a number of epochs to the mean seconds of a step in the next.

        By a trial; see `measure_step`.
        """
        seconds = self.measure_step(batches)
        return lambda number: seconds

    def measure_step(self, batches):
        """Seconds that a step takes, by a trial; see `time_budget.measure_step`."""
        self._tell_of_first_step()
        return measure_step(self.model, batches)

    def fit_epochs(self, last, shown, probes, followers=(), **arguments):
        """Trains up to an epoch, measured, logged, drawn and saved after each.

        Ctrl-C waits from the line that an epoch is done until there is a checkpoint: of
        that epoch, or of the next where epochs are too short for one each.

        Args:
            last: Number of the epoch to end with.
            shown: Entries of the logs that progress shows.
            probes: Callbacks that add to the logs or judge them.
            followers: Callbacks that read the logs when progress has.
            **arguments: Further arguments of `fit`.
        """
        config = self.config
        self._tell_of_first_step()
        batches, timer = self.timed_batches()
        progress = Progress(config.epochs, self.steps, config.batch_size, timer, shown)
        with HeldInterrupts() as interrupts:
            checkpoint = callbacks.Checkpoint(
                *(self.checkpoints, _CHECKPOINT_TIME_SHARE, interrupts.is_waiting)
            )

            def release(epoch):
                if not checkpoint.is_behind:
                    interrupts.release()

            try:
                self.model.fit(
                    batches,
                    steps_per_epoch=self.steps,
                    initial_epoch=self.done_epochs,
                    epochs=last,
                    shuffle=False,  # the order is the pipeline's
                    verbose=0,
                    callbacks=[
                        callbacks.EpochSeeds(config.seed),
                        *probes,
                        _at_epoch_end(lambda epoch: interrupts.hold()),
                        progress,
                        *followers,
                        MetricsLog(self.folder),
                        *_tensorboard(self.folder.path / "tensorboard"),
                        # What it covers has been measured and logged.
                        checkpoint,
                        # A picture that cannot be drawn shall cost no epoch.
                        _at_epoch_end(self.draw_now_and_then),
                        _at_epoch_end(release),
                    ],
                    **arguments,
                )
                interrupts.release()  # the last epoch is saved
            finally:
                progress.close()

    def tell_of_resumption(self, done):
        """Says where a run goes on and, of `--time`, how much is left.

        Args:
            done: Number of epochs done.
        """
        text = f"going on after epoch {done}"
        if self._budget and not self.is_to_be_timed and not self.config.finish:
            epochs = self.config.epochs
            seconds = [row["seconds"] for row in self.folder.read_epochs()[:done]]
            left = format_duration((epochs - done) * statistics.median(seconds))
            text += (
                f" of {epochs}, which were to take {self._budget.text} in all "
                f"(--time): about {left} more, by the pace so far"
            )
        print(text, flush=True)

    def _tell_of_first_step(self):
        """Says what the first step waits for, which is silent for a while."""
        if not self._has_stepped and keras.backend.backend() != "torch":
            print("compiling the training step, which takes a while", flush=True)
        self._has_stepped = True

    def stop_here(self):
        """Lets the epochs that are done be all there are."""
        self.config = dataclasses.replace(self.config, epochs=self.done_epochs)
        self._budget = None
        self.folder.drop_epochs_after(self.done_epochs)  # which no checkpoint covers

    def stop_reason(self, error):
        """Why training ended early and what is saved, in one line.

        Args:
            error: What `fit` raised.

        Returns:
            Text, or None where the error is a defect: neither an interrupt nor a fault
            of photos, disk or memory.
        """
        # Under tf.data, `fit` raises another error than the photos did.
        failures = [pool.failure for pool in self.pools if pool.failure]
        if isinstance(error, KeyboardInterrupt):
            reason = "interrupted"
        elif failures:
            reason = str(failures[0])
        elif is_full_disk(error):
            reason = "the disk is full: free some space"
        elif isinstance(error, OSError):
            reason = f"the system refused: {error}"
        elif is_out_of_memory(error):
            reason = "the memory is full. Try a smaller --batch-size, in a new --out"
        else:
            return None
        return (
            f"{reason.rstrip('.')}. {self.saved_epochs()}; the same command, or "
            f"--resume {self.folder.path}, goes on from there."
        )

    def saved_epochs(self):
        """How many epochs checkpoints cover, in words."""
        done = callbacks.last_epoch(self.checkpoints)
        return f"{done} of {self.config.epochs} epochs are saved in {self.folder.path}"

    def draw_curves(self):
        """Draws the figures of the epochs that are done."""
        self._drawn = time.monotonic()
        rows = self.folder.read_epochs()
        plot_curves(rows, self.folder.path / "curves.png", self.panels())

    def draw_now_and_then(self, epoch):
        """Draws curves, but for those of the last epoch, which `run_training` does.

        Args:
            epoch: Number of epochs done.
        """
        since = time.monotonic() - self._drawn
        if since >= _SECONDS_BETWEEN_CURVES and epoch < self.config.epochs:
            self.draw_curves()

    def batches_from(self, done):
        """Batches as `fit` takes them under this backend, from an epoch on.

        Args:
            done: Number of epochs done before.
        """
        is_tensorflow = keras.backend.backend() == "tensorflow"
        batches = self.dataset if is_tensorflow else self.batches
        return batches(self.config.batch_size, self.config.seed, done)

    def timed_batches(self):
        """The batches that are left, and what measures the wait for them."""
        batches = self.batches_from(self.done_epochs)
        if keras.backend.backend() == "tensorflow":
            timer = TimedDataset(batches)
            self._build_state(timer.dataset.element_spec)
            return timer.dataset, timer
        timer = TimedIterator(batches)
        return iter(timer), timer

    def _build_state(self, batch):
        """Makes the state of optimizer, losses and metrics before `fit` would.

        tensorflow traces a step twice where the first trace makes variables.

        Args:
            batch: What describes the tensors of a batch.
        """
        with distributed.on_all_devices(self.model):
            self.model._symbolic_build(data_batch=batch)
        # On several devices `fit` would build once more, by the mean over them of a
        # batch that is then not learned from; and flags have no mean.
        self.model._maybe_symbolic_build = lambda **_: None


def run_training(begin):
    """Runs a training, telling of what ends it early as commands do.

    Args:
        begin: Function that prepares the training and returns it, a `TrainingRun`.

    Returns:
        What `finish` returned.

    Raises:
        BadInput: when data, weights or run folder cannot be worked with.
        StoppedEarly: when `stop_reason` has a reason; what was done is saved.
    """
    with as_bad_input():
        run = begin()
        run.folder.manifest.pop("diverged", None)
        run.folder.record_settings(run.settings)
    if run.config.finish:
        run.stop_here()
    try:
        run.fit()
        run.draw_curves()  # also where a kill came between checkpoint and picture
        summary = run.finish()
    except StoppedEarly as error:
        if isinstance(error, Diverged):
            run.folder.update_manifest(diverged=True)
        raise type(error)(f"{error} {run.saved_epochs()}.") from error
    except (Exception, KeyboardInterrupt) as error:
        reason = run.stop_reason(error)
        if reason is None:
            raise
        raise StoppedEarly(reason) from error
    print(run.format_summary(summary), flush=True)
    return summary


def _at_epoch_end(function):
    """A callback that hands over the number of epochs done."""
    return keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: function(epoch + 1)
    )


def _tensorboard(folder):
    """Writes TensorBoard events, where tensorflow and tensorboard are installed."""
    if not all(map(importlib.util.find_spec, ("tensorboard", "tensorflow"))):
        return []  # Event files are TensorFlow's: without it the jsonl must do.
    return [keras.callbacks.TensorBoard(str(folder), write_graph=False)]
