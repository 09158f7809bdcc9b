"""One fine-tuning: its photos, model and training."""

import dataclasses

import keras
import numpy as np

from ssl_voc import callbacks, devices
from ssl_voc.callbacks.metrics_log import MetricsLog
from ssl_voc.callbacks.progress import Progress
from ssl_voc.finetune import report
from ssl_voc.finetune.data import prepare_finetuning_data
from ssl_voc.optimizers import DiscriminativeAdamW, schedule
from ssl_voc.runs.atomic_files import replacing
from ssl_voc.tasks import TASKS
from ssl_voc.training import lifecycle
from ssl_voc.training.batch_timer import TimedDataset, TimedIterator

EVALUATION_BATCH = 64


@dataclasses.dataclass(frozen=True)
class Phase:
    """Epochs that train the same weights.

    Attributes:
        first: Number of epochs done before.
        last: Number of epochs done after.
        frozen: Whether the backbone stays as it is.
    """

    first: int
    last: int
    frozen: bool


def plan_phases(schedule, epochs, unfreeze_epoch):
    """The phases of a schedule, as a list of `Phase`."""
    if schedule == "staged":
        return [Phase(0, unfreeze_epoch, True), Phase(unfreeze_epoch, epochs, False)]
    return [Phase(0, epochs, schedule == "frozen")]


class FinetuningRun:
    """Everything between a config and a model that finds objects.

    Args:
        config: A `FinetuneConfig`.
        run: The `RunFolder` to write to, new or to be resumed.

    Raises:
        BadInput, ValueError, OSError: when photos, weights or backbone cannot be used.
    """

    def __init__(self, config, run):
        self.config, self.run = config, run
        self.task = TASKS[config.task]
        devices.set_up_runtime(config.seed, config.deterministic, config.precision)
        self.jit_compile = devices.should_jit_compile(config.jit_compile)
        self.data = prepare_finetuning_data(config, run, self.task.main_object_only)
        self.training = self.data.training
        self.steps = self.training.steps_per_epoch(config.batch_size)
        report.record_data(run, config, self.data)
        self.phases = plan_phases(config.schedule, config.epochs, config.unfreeze_epoch)
        with devices.replica_scope():
            self.model = self.task.build_model(config, self.training)
            self.model.build()
        run.update_manifest(**self.task.describe(self.model, self.training))
        report.save_examples(run, self.training, self.model.augmenter)
        self.done_epochs = self._begin_or_resume()

    def fit(self):
        """Trains the epochs that are left."""
        for phase in self.phases:
            if self.done_epochs < phase.last:
                if self.done_epochs == phase.first:
                    self._compile(phase)
                self._fit_phase(phase)
                self.done_epochs = phase.last

    def finish(self):
        """Saves the model with its best weights and returns the summary."""
        best_epoch = 0
        if self.data.validation is not None:
            best_epoch = callbacks.load_best(self.model, self.run.path / "checkpoints")
        with replacing(self.run.path / "model.keras") as temporary:
            self.model.save(temporary)
        summary = report.summarize(
            self.run, self.task, self.data, best_epoch or self.config.epochs
        )
        self.run.finish(summary)
        return summary

    def stop_reason(self, error):
        """What to tell a person of a training that ended early; None for a defect."""
        reason = "interrupted"
        if not isinstance(error, KeyboardInterrupt):
            pools = [self.data.training, self.data.validation]
            failures = [pool.failure for pool in pools if pool and pool.failure]
            reason = lifecycle.stop_reason(error, *failures[:1])
        if reason is None:
            return None
        done = callbacks.last_epoch(self.run.path / "checkpoints")
        return (
            f"{reason.rstrip('.')}. {done} of {self.config.epochs} epochs are saved in "
            f"{self.run.path}; the same command goes on from there."
        )

    def format_summary(self, summary):
        """What a person wants to know at the end, as text."""
        return report.format_summary(
            self.run, self.config, self.task, self.data, summary
        )

    def _compile(self, phase):
        """Makes the model ready for a phase, with an optimizer of its own."""
        config, model = self.config, self.model
        model.backbone.trainable = not phase.frozen
        rate = schedule.warm_up_and_decay(
            config.learning_rate * config.batch_size / 256,
            self.steps * (phase.last - phase.first),
            config.warmup,
        )
        model.compile(
            optimizer=DiscriminativeAdamW(
                rate,
                factors={
                    "": config.backbone_rate,
                    **dict.fromkeys(self.task.heads, 1.0),
                },
                weight_decay=config.weight_decay,
                global_clipnorm=10.0,
            ),
            jit_compile=self.jit_compile,
            **self.task.compile_arguments(config, model),
        )

    def _begin_or_resume(self):
        """Loads the newest checkpoint into the model of the phase that it is of."""
        folder = self.run.path / "checkpoints"
        done = callbacks.last_epoch(folder)
        if done:
            phase = next(phase for phase in self.phases if done <= phase.last)
            self._compile(phase)
            callbacks.restore(self.model, folder)
            print(f"going on after epoch {done}", flush=True)
        return done

    def _fit_phase(self, phase):
        batches, timer = self._batches()
        config = self.config
        progress = Progress(
            config.epochs,
            self.steps,
            config.batch_size,
            timer,
            shown=self.task.shown,
        )
        probes = self._probes()
        try:
            self.model.fit(
                batches,
                steps_per_epoch=self.steps,
                initial_epoch=self.done_epochs,
                epochs=phase.last,
                shuffle=False,  # the order is the pipeline's
                verbose=0,
                callbacks=self._callbacks(progress, probes),
                **({} if probes else self._validation()),
            )
        finally:
            progress.close()

    def _callbacks(self, progress, probes):
        folder = self.run.path / "checkpoints"
        following = [
            callbacks.EpochSeeds(self.config.seed),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: self.task.rename(logs)
            ),
            *probes,
            callbacks.TrainingWatch(),
            progress,
        ]
        if self.data.validation is not None:
            rows = self.run.read_jsonl("metrics.jsonl")
            rows = [row for row in rows if row["epoch"] <= self.done_epochs]
            following.append(callbacks.BestWeights(folder, self.task.scored, rows))
        return [
            *following,
            MetricsLog(self.run),
            *lifecycle.tensorboard_callbacks(self.run.path / "tensorboard"),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: report.draw_curves(self.run, self.task)
            ),
            # Last: what a checkpoint covers has been measured and logged.
            callbacks.Checkpoint(folder),
        ]

    def _batches(self):
        """The batches that are left, and what measures the wait for them."""
        config = self.config
        arguments = (config.batch_size, config.seed, self.done_epochs)
        if keras.backend.backend() != "tensorflow":
            batches = (
                (self.task.model_inputs(batch),)
                for batch in self.training.batches(*arguments)
            )
            timer = TimedIterator(batches)
            return timer.generator(), timer
        timer = TimedDataset(
            self.training.dataset(*arguments).map(self.task.model_inputs)
        )
        return timer.dataset, timer

    def _probes(self):
        """What measures the photos that choose the epoch in place of `fit`."""
        if self.data.validation is None:
            return []
        return self.task.probes(EvaluationBatches(self.data.validation))

    def _validation(self):
        """Arguments of `fit` for the photos that choose the epoch."""
        pool = self.data.validation
        if pool is None:
            return {}
        if keras.backend.backend() == "tensorflow":
            batches = pool.evaluation_dataset(EVALUATION_BATCH)
            return {"validation_data": batches.map(self.task.model_inputs)}
        everything = self.task.model_inputs(pool.gather(np.arange(len(pool))))
        return {
            "validation_data": (everything,),
            "validation_batch_size": EVALUATION_BATCH,
        }


class EvaluationBatches:
    """The batches of a pool, from the start each time they are asked for."""

    def __init__(self, pool):
        self.pool = pool

    def __iter__(self):
        return iter(self.pool.evaluation_batches(EVALUATION_BATCH))
