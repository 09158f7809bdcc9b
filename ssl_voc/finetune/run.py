"""Fine-tuning of one model: photos, phases of training, saved weights."""

import contextlib
import dataclasses
import time

import keras

from ssl_voc import callbacks, devices, distributed
from ssl_voc.finetune import planned_settings, report
from ssl_voc.finetune.augmented_images import AugmentedImages, draw_batches
from ssl_voc.finetune.data import prepare_finetuning_data
from ssl_voc.finetune.phases import plan_phases
from ssl_voc.finetune.predictions import PredictionSheet
from ssl_voc.finetune.teacher_labels import OF_TEACHER
from ssl_voc.finetune.unlabeled import TEACHER_MOMENTUM, UnlabeledPhotos
from ssl_voc.finetune.validation import Validation
from ssl_voc.models import SemiSupervisedModel
from ssl_voc.optimizers import DiscriminativeAdamW, schedule
from ssl_voc.runs.atomic_files import replacing
from ssl_voc.tasks import TASKS
from ssl_voc.training.initial_backbone import build_initial_backbone
from ssl_voc.training.run import TrainingRun
from ssl_voc.visualization.curves import Panel

# Checkpoint and logs after an epoch, roughly.
_SECONDS_TO_WRITE = 0.1


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
        self.validation = Validation(self.task, self.data.validation, config.batch_size)
        self.unlabeled = None
        if self.data.unlabeled:
            self.unlabeled = UnlabeledPhotos(folder, config, self.data, self.steps)
        report.record_data(folder, config, self.task, self.data)
        if config.balance is not None:
            report.tell_of_balance(self.training, config.balance, self.steps)
        self.choose_epochs(
            *planned_settings.plan_epochs(self.task, self.steps, self.unlabeled)
        )
        if config.schedule == "staged" and config.unfreeze_epoch is None:
            done = callbacks.last_epoch(self.checkpoints)
            self.config = planned_settings.fill_in_unfreeze_epoch(
                self.config, folder, done
            )
        if config.mosaic is None:
            self._fill_in_mosaic()
        if config.patience is not None:
            total = None if self.is_to_be_timed else self.config.epochs
            report.tell_of_patience(config.patience, total, self.steps)
        config = self.config
        with devices.replica_scope(config.batch_size, config.device):
            self.jit_compile = devices.should_jit_compile(config.jit_compile)
            backbone = build_initial_backbone(
                config, folder, self.task.backbone_from_random
            )
            report.tell_of_frozen_start(folder, config)
            self.student = self.task.build_model(backbone, config, self.training)
            self.student.build()
            self.model = self._with_teacher()
        folder.update_manifest(
            steps_per_epoch=self.steps,
            batch_size=config.batch_size,
            **self.task.describe(self.student, self.training),
        )
        self._save_examples()
        path = folder.path / "predictions.png"
        self.predictions = PredictionSheet(
            path, self.task, self.data, config.batch_size
        )
        print(f"what the model finds, now and then: {path}", flush=True)
        self.done_epochs = self._begin_or_resume()

    def set_epochs(self, epochs):
        super().set_epochs(epochs)
        before = self.config.mosaic
        if self.settings.mosaic is None:
            self._fill_in_mosaic()
        if self.config.mosaic != before:
            self.student.augmenter.mosaic_rate = self.config.mosaic
            self.model.make_train_function(force=True)
            self._save_examples()

    def fit_until(self, end):
        for phase in self._phases():
            if self.done_epochs < min(phase.last, end):
                if 0 < self.done_epochs == phase.first:
                    self._compile(phase)
                self._fit_phase(phase, min(phase.last, end))

    def measure_pause(self):
        """Seconds between two epochs, by a trial; but for what is written."""
        with distributed.on_all_devices(self.model):
            self.model.optimizer.build(self.model.trainable_variables)
        evaluated = self._evaluated_weights()
        for _ in range(2):  # the first one compiles
            began = time.monotonic()
            with evaluated.lent() if evaluated else contextlib.nullcontext():
                self.validation.measure(self.model)
            seconds = time.monotonic() - began
        return seconds + _SECONDS_TO_WRITE

    @property
    def pace_begins(self):
        if self.unlabeled is None:
            return 0
        return self.unlabeled.burn_in_epochs(self.config.epochs)

    def stop_here(self):
        if self.config.schedule == "staged":
            # Nothing is trained any more: the head alone needs no epochs behind it.
            self.config = dataclasses.replace(
                self.config, schedule="full", unfreeze_epoch=None
            )
        super().stop_here()
        if self.data.validation is not None:
            self._best_weights()  # without those of later epochs

    def finish(self):
        """Saves the model with its best weights; returns the summary."""
        best_epoch = 0
        if self.data.validation is not None:
            best_epoch = callbacks.load_best(self.student, self.checkpoints)
        # Without a score, as where validation photos show no object, too.
        if not best_epoch and (evaluated := self._evaluated_weights()):
            evaluated.lend()
        epochs = self.config.epochs
        # By the function that predicted before: `compile` would have it traced anew.
        self.predictions.draw(self.model, best_epoch or epochs, epochs)
        self._forget_optimizer()
        with replacing(self.folder.path / "model.keras") as temporary:
            self.student.save(temporary)
        summary = report.summarize(
            self.folder, self.task, self.data, best_epoch or epochs
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
        if self.unlabeled:
            panels.append(Panel(OF_TEACHER, "labels of the teacher"))
        return panels

    def dataset(self, batch_size, seed, done):
        batches = self.training.dataset(
            batch_size, seed, done, balance=self.config.balance
        )
        batches = batches.map(self.task.model_inputs)
        if self._is_burning_in(done):
            return batches
        return self.unlabeled.join_dataset(batches, seed, done)

    def batches(self, batch_size, seed, done):
        batches = self.training.batches(
            batch_size, seed, done, balance=self.config.balance
        )
        batches = map(self.task.model_inputs, batches)
        if not self._is_burning_in(done):
            batches = self.unlabeled.join_batches(batches, seed, done)
        for batch in batches:
            yield (batch,)

    def draw_now_and_then(self, epoch):
        super().draw_now_and_then(epoch)
        epochs = self.config.epochs
        if epoch < epochs and self.predictions.is_due(epoch, epochs):
            self.predictions.draw(self.model, epoch, epochs, self._evaluated_weights())

    def measure_step(self, batches):
        seconds = super().measure_step(batches)
        if not self.unlabeled or not self._is_burning_in(0):
            return seconds
        later = self.batches_from(self.unlabeled.burn_in_epochs(self.config.epochs))
        share = self.config.burn_in
        return share * seconds + (1.0 - share) * super().measure_step(later)

    def _is_burning_in(self, done):
        """Whether an epoch learns from labels alone; always without `--unlabeled`."""
        if not self.unlabeled:
            return True
        return done < self.unlabeled.burn_in_epochs(self.config.epochs)

    def _with_teacher(self):
        """The model to train: the student, or one in which a teacher labels photos."""
        if not self.unlabeled:
            return self.student
        return SemiSupervisedModel(
            self.student,
            self.task.pseudo_labels(self.training),
            TEACHER_MOMENTUM,
            mirrors=self.config.flip_rate > 0.0,
        )

    def _fill_in_mosaic(self):
        # Photos of a pool are seen less often, and not learned by heart.
        epochs = 0 if self.unlabeled else self.config.epochs
        planned = self.task.mosaic_share(epochs, self.steps)
        self.config = planned_settings.fill_in_mosaic(
            self.config, self.folder, planned, not self.is_to_be_timed
        )

    def _save_examples(self):
        report.save_examples(self.folder, self.training, self.task, self.student)

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

    def _forget_optimizer(self):
        """Gives the student a new optimizer, for those who train on.

        That of the last step has a learning rate of 0 and averages of other weights.
        """
        with distributed.on_all_devices(self.student):
            self._compile_on_device(self.student, self._phases()[-1])
            self.student.optimizer.build(self.student.trainable_variables)

    def _compile(self, phase):
        """Makes the model ready for a phase, with an optimizer of its own."""
        with distributed.on_all_devices(self.model):
            self._compile_on_device(self.model, phase)

    def _compile_on_device(self, model, phase):
        config = self.config
        model.backbone.trainable = not phase.frozen
        rate = schedule.WarmUpAndDecay(
            config.peak_learning_rate,
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
            self.tell_of_resumption(done)
        return done

    def _best_weights(self):
        """The callback that keeps the best weights of the epochs that are done."""
        rows = self.folder.read_epochs()[: self.done_epochs]
        return callbacks.BestWeights(
            self.checkpoints, self.task.scored, rows, self.student
        )

    def _fit_phase(self, phase, last):
        """Trains epochs of a phase, up to epoch `last`."""
        shown, before, ends = self.task.shown, [], [last]
        choosing, patience = [], None
        least_epochs = phase.warm_epoch(self.config.warmup)
        if self.unlabeled:
            burn_in = self.unlabeled.burn_in_epochs(self.config.epochs)
            shown = (*shown, "pool_used")
            before = self.unlabeled.callbacks(
                self.config, self.model, self.task.main_object_only
            )
            ends.insert(0, min(burn_in, last))
            least_epochs = max(least_epochs, burn_in)
        if self.data.validation is not None:
            best = self._best_weights()
            choosing = [best]
            if self.config.patience and phase.last == self.config.epochs:
                patience = callbacks.Patience(best, self.config.patience, least_epochs)
                choosing.append(patience)
        if evaluated := self._evaluated_weights():
            before.append(evaluated)
            choosing.append(
                keras.callbacks.LambdaCallback(
                    on_epoch_end=lambda epoch, logs: evaluated.put_back()
                )
            )
        before += [
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: self.task.rename(logs)
            ),
            *self.validation.probes(),
            callbacks.TrainingWatch(),
        ]
        for end in ends:
            # Where the last start of the run ended by patience, but got no further.
            if self.done_epochs < end and (patience is None or not patience.is_over):
                self.fit_epochs(
                    end, shown, before, choosing, **self.validation.fit_arguments()
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
        config, images = self.config, None
        if config.batch_norm == "recalibrated":
            batches = draw_batches(len(self.training), config.batch_size, config.seed)
            images = AugmentedImages(self.training, batches, self.model, config.seed)
        elif config.ema is None:
            return None
        evaluated = callbacks.EvaluatedWeights(
            images, config.ema is not None, self.student
        )
        evaluated.set_model(self.model)
        return evaluated
