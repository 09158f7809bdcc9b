"""Fine-tuning of one model: photos, phases of training, saved weights."""

import dataclasses
import math
import time

import keras
import numpy as np

from ssl_voc import callbacks, devices
from ssl_voc.finetune import report
from ssl_voc.finetune.batches import (
    EVALUATION_BATCH,
    AugmentedImages,
    EvaluationBatches,
)
from ssl_voc.finetune.config import LEAST_EPOCHS, LEAST_POOL_PASSES
from ssl_voc.finetune.data import prepare_finetuning_data
from ssl_voc.finetune.phases import plan_phases
from ssl_voc.finetune.teacher_probe import OF_TEACHER, build_teacher_probe
from ssl_voc.models import SemiSupervisedModel
from ssl_voc.optimizers import DiscriminativeAdamW, schedule
from ssl_voc.runs.atomic_files import replacing
from ssl_voc.tasks import TASKS
from ssl_voc.training.initial_backbone import build_initial_backbone
from ssl_voc.training.run import TrainingRun
from ssl_voc.visualization.curves import Panel

# Photos that batch-norm statistics are of: each has many points of every feature map.
_PHOTOS_FOR_STATISTICS = 256
# Checkpoint and logs after an epoch, roughly.
_SECONDS_TO_WRITE = 0.5


class FinetuningRun(TrainingRun):
    """Everything between a config and a model that finds objects.

    Args:
        config: A `FinetuneConfig`.
        folder: The `RunFolder` to write to, new or to be resumed.

    Raises:
        BadInput, ValueError, OSError: when photos, weights or backbone cannot be used.
    """

    def __init__(self, config, folder):
        super().__init__(config, folder)
        self.task = TASKS[config.task]
        self.data = prepare_finetuning_data(config, folder, self.task.main_object_only)
        self.training = self.data.training
        if len(self.training) < config.batch_size:
            self.config = config = self._with_smaller_batch()
        self.steps = self.training.steps_per_epoch(config.batch_size)
        report.record_data(folder, config, self.data)
        if config.balance is not None:
            report.tell_of_balance(self.training, config.balance, self.steps)
        self.choose_epochs(*self._default_epochs())
        config = self.config
        with devices.replica_scope():
            backbone = build_initial_backbone(
                config, folder, self.task.backbone_from_random
            )
            self.student = self.task.build_model(backbone, config, self.training)
            self.student.build()
            self.model = self._with_teacher()
        folder.update_manifest(
            steps_per_epoch=self.steps,
            **self.task.describe(self.student, self.training),
        )
        report.save_examples(folder, self.training, self.model.augmenter)
        self.done_epochs = self._begin_or_resume()

    def fit_until(self, end):
        for phase in self._phases():
            if self.done_epochs < min(phase.last, end):
                if 0 < self.done_epochs == phase.first:
                    self._compile(phase)
                self._fit_phase(phase, min(phase.last, end))

    def measure_pause(self):
        """Seconds between two epochs, by a trial; but for what is written."""
        seconds = 0.0
        with callbacks.on_all_devices(self.model):
            self.model.optimizer.build(self.model.trainable_variables)
        evaluated = self._evaluated_weights()
        for _ in range(2):  # the first one compiles
            began = time.monotonic()
            if evaluated:
                evaluated.lend()
            if probes := self._probes():
                for probe in probes:
                    probe.set_model(self.model)
                    probe.on_epoch_end(0, {})
            elif validation := self._validation():
                data = validation["validation_data"]
                arguments = data if isinstance(data, tuple) else (data,)
                self.model.evaluate(*arguments, batch_size=EVALUATION_BATCH, verbose=0)
            if evaluated:
                evaluated.put_back()
            seconds = time.monotonic() - began
        return seconds + _SECONDS_TO_WRITE

    @property
    def has_one_pace(self):
        return not self.data.unlabeled  # whose teacher comes later

    def finish(self):
        """Saves the model with its best weights; returns the summary."""
        best_epoch = 0
        if self.data.validation is not None:
            best_epoch = callbacks.load_best(self.model, self.checkpoints)
        elif evaluated := self._evaluated_weights():
            evaluated.lend()
        with replacing(self.folder.path / "model.keras") as temporary:
            self.student.save(temporary)
        summary = report.summarize(
            self.folder, self.task, self.data, best_epoch or self.config.epochs
        )
        self.folder.finish(summary)
        return summary

    @property
    def pools(self):
        data = self.data
        return [
            pool for pool in (data.training, data.validation, data.unlabeled) if pool
        ]

    def format_summary(self, summary):
        return report.format_summary(
            self.folder, self.config, self.task, self.data, summary
        )

    def panels(self):
        panels = [Panel(keys, label) for keys, label in self.task.panels]
        if self.data.unlabeled:
            panels.append(Panel(OF_TEACHER, "labels of the teacher"))
        return panels

    @property
    def burn_in_epochs(self):
        """Number of epochs that learn from labels alone, before `--unlabeled`."""
        chosen = round(self.config.burn_in * self.config.epochs)
        # Recorded when it begins: more epochs do not call it back.
        return self.folder.manifest.get(
            "burn_in_epochs", min(chosen, self.config.epochs - 1)
        )

    def dataset(self, batch_size, seed, done):
        batches = self.training.dataset(
            batch_size, seed, done, balance=self.config.balance
        )
        batches = batches.map(self.task.model_inputs)
        if not self.data.unlabeled or done < self.burn_in_epochs:
            return batches
        import tensorflow as tf

        others = self.data.unlabeled.dataset(
            self._pool_batch, seed + 1, done, steps_per_epoch=self.steps
        )
        return tf.data.Dataset.zip(batches, others).map(_beside)

    def batches(self, batch_size, seed, done):
        batches = self.training.batches(
            batch_size, seed, done, balance=self.config.balance
        )
        batches = map(self.task.model_inputs, batches)
        if self.data.unlabeled and done >= self.burn_in_epochs:
            others = self.data.unlabeled.batches(
                self._pool_batch, seed + 1, done, steps_per_epoch=self.steps
            )
            batches = map(_beside, batches, others)
        for batch in batches:
            yield (batch,)

    def measure_step(self, batches):
        seconds = super().measure_step(batches)
        if not self.data.unlabeled or not self.burn_in_epochs:
            return seconds
        arguments = (self.config.batch_size, self.config.seed, self.burn_in_epochs)
        is_tensorflow = keras.backend.backend() == "tensorflow"
        batches = (self.dataset if is_tensorflow else self.batches)(*arguments)
        share = self.config.burn_in
        return share * seconds + (1.0 - share) * super().measure_step(batches)

    @property
    def _pool_batch(self):
        """Number of photos without boxes in a step: as many as there are with boxes."""
        return min(self.config.batch_size, len(self.data.unlabeled))

    def _with_teacher(self):
        """The model to train: the student, or one in which a teacher labels photos."""
        if not self.data.unlabeled:
            return self.student
        labels = self.task.pseudo_labels(self.training)
        return SemiSupervisedModel(self.student, labels)

    def _follow(self, epoch, logs):
        """Lets the teacher average from the first step on, over few steps at first.

        It labels by what the burn-in has averaged: at its end the rate is near its
        peak, and no step's own weights are good ones.
        """
        teacher, steps = self.model.labeler.teacher, epoch * self.steps
        momentum = schedule.early_decay(teacher.momentum, steps)
        teacher.current_momentum.assign(momentum)

    def _default_epochs(self):
        """Number of epochs without flags, and its reason in words."""
        steps, reasons = self.task.least_steps, [f"at least {LEAST_EPOCHS} passes"]
        if steps:
            reasons.append(f"{steps} steps")
        if self.data.unlabeled:
            passes = self.data.unlabeled.steps_per_epoch(self._pool_batch)
            passes *= LEAST_POOL_PASSES
            steps = max(steps, math.ceil(passes / (1.0 - self.config.burn_in)))
            reasons.append(f"{LEAST_POOL_PASSES} passes over --unlabeled")
        return max(LEAST_EPOCHS, math.ceil(steps / self.steps)), " and ".join(reasons)

    def _with_smaller_batch(self):
        """The settings with a batch of all photos, where these are few."""
        number = len(self.training)
        print(
            f"batch: all {number} photos to learn from, fewer than --batch-size "
            f"{self.config.batch_size}",
            flush=True,
        )
        return dataclasses.replace(self.config, batch_size=number)

    def _phases(self):
        config = self.config
        return plan_phases(config.schedule, config.epochs, config.unfreeze_epoch)

    def _compile(self, phase):
        """Makes the model ready for a phase, with an optimizer of its own."""
        with callbacks.on_all_devices(self.model):
            self._compile_on_device(phase)

    def _compile_on_device(self, phase):
        config, model = self.config, self.model
        model.backbone.trainable = not phase.frozen
        rate = schedule.WarmUpAndDecay(
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
                average_decay=config.ema,
                global_clipnorm=10.0,
            ),
            jit_compile=self.jit_compile,
            **self.task.compile_arguments(config, model),
        )

    def _begin_or_resume(self):
        """Compiles for the phase of the newest checkpoint, and loads that."""
        done = callbacks.last_epoch(self.checkpoints)
        self.folder.read_epochs(done)  # must be whole before hours are spent
        self._compile(next(phase for phase in self._phases() if done <= phase.last))
        if done:
            callbacks.restore(self.model, self.checkpoints)
            print(f"going on after epoch {done}", flush=True)
        return done

    def _fit_phase(self, phase, last):
        """Trains epochs of a phase, up to epoch `last`."""
        probes, shown = self._probes(), self.task.shown
        of_teacher, ends = [], [last]
        if self.data.unlabeled:
            shown = (*shown, "pool_used")
            self.folder.update_manifest(burn_in_epochs=self.burn_in_epochs)
            of_teacher = [
                keras.callbacks.LambdaCallback(on_epoch_begin=self._follow),
                build_teacher_probe(
                    self.folder,
                    self.config,
                    self.data,
                    self.task.main_object_only,
                    max(1, self.burn_in_epochs),
                ),
            ]
            ends.insert(0, min(self.burn_in_epochs, last))
        choosing, patience = [], None
        if self.data.validation is not None:
            rows = self.folder.read_epochs()[: self.done_epochs]
            best = callbacks.BestWeights(self.checkpoints, self.task.scored, rows)
            choosing = [best]
            if self.config.patience and phase.last == self.config.epochs:
                first = max(phase.first, self.burn_in_epochs if of_teacher else 0)
                patience = callbacks.Patience(best, self.config.patience, first)
                choosing.append(patience)
        rename = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: self.task.rename(logs)
        )
        lending, putting_back = [], []
        if evaluated := self._evaluated_weights():
            lending = [evaluated]
            putting_back = [
                keras.callbacks.LambdaCallback(
                    on_epoch_end=lambda epoch, logs: evaluated.put_back()
                )
            ]
        # Where the last start of the run ended by it, but did not get to its summary.
        for end in ends:
            if self.done_epochs < end and (patience is None or not patience.is_over):
                self.fit_epochs(
                    end,
                    shown,
                    [
                        *of_teacher,
                        *lending,
                        rename,
                        *probes,
                        callbacks.TrainingWatch(),
                    ],
                    [*choosing, *putting_back],
                    **({} if probes else self._validation()),
                )
            self.done_epochs = max(self.done_epochs, end)
        if patience is not None and best.last_epoch < last:
            self._end_early(best.last_epoch)

    def _end_early(self, epoch):
        """Lets an epoch be the last one, as patience is over."""
        print(
            f"patience: no better score in {self.config.patience} epochs; ended after "
            f"epoch {epoch} of {self.config.epochs} (--patience)",
            flush=True,
        )
        self.done_epochs = epoch
        self.config = dataclasses.replace(self.config, epochs=epoch)

    def _evaluated_weights(self):
        """What lends the model the weights that are kept; None if those that train."""
        config = self.config
        if config.ema is None and config.batch_norm != "recalibrated":
            return None
        order = np.random.default_rng(config.seed).permutation(len(self.training))
        # Of whole batches: all have one weight.
        size = config.batch_size
        num_batches = max(1, min(len(order), _PHOTOS_FOR_STATISTICS) // size)
        parts = np.split(order[: num_batches * size], num_batches)
        batches = AugmentedImages(self.training, parts, self.model, config.seed)
        evaluated = callbacks.EvaluatedWeights(
            batches, config.ema is not None, self.student
        )
        evaluated.set_model(self.model)
        return evaluated

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


def _beside(batch, images):
    """A batch with photos without boxes beside those with."""
    return {**batch, "unlabeled": images}
