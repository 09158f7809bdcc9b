"""Pretraining run: photos, model, training and results."""

import dataclasses
import sys

import keras

from ssl_voc import callbacks, devices, models
from ssl_voc.models.cloning import resized
from ssl_voc.optimizers import schedule
from ssl_voc.pretrain import knn_report, report
from ssl_voc.pretrain.config import (
    LARGEST_BATCH,
    LEAST_EPOCHS,
    LEAST_STEPS,
    choose_batch_size,
)
from ssl_voc.pretrain.data import record_photos
from ssl_voc.pretrain.objectives.registry import OBJECTIVES
from ssl_voc.pretrain.probes import build_cell_probe, build_probe, knn_epochs
from ssl_voc.pretrain.view_sizes import plan_view_sizes, tell_of_one_cell
from ssl_voc.runs.atomic_files import replacing
from ssl_voc.runs.finished_run import POOL_LIST
from ssl_voc.training.default_epochs import default_epochs
from ssl_voc.training.exposure import inherit_exposure
from ssl_voc.training.initial_backbone import build_initial_backbone, starts_trained
from ssl_voc.training.input_checks import origins_of
from ssl_voc.training.photo_lists import list_photos
from ssl_voc.training.resumed_border import resumed_border
from ssl_voc.training.run import TrainingRun
from ssl_voc.visualization.curves import Panel

# Features, checkpoint and logs after an epoch, roughly.
_SECONDS_BETWEEN_EPOCHS = 3.0


class PretrainingRun(TrainingRun):
    """Everything between a config and a backbone that has learned.

    Args:
        config: A `PretrainConfig`.
        folder: The `RunFolder` to write to, new or to be resumed.

    Raises:
        ValueError, OSError: when photos, weights or backbone cannot be used.
    """

    def __init__(self, config, folder):
        super().__init__(config, folder)
        # Chosen at the start for the devices of then; they may be others by now.
        begun_batch = folder.manifest.get("batch_size")
        batch_size = config.batch_size or begun_batch or LARGEST_BATCH
        with devices.replica_scope(batch_size, config.device):
            self.jit_compile = devices.should_jit_compile(config.jit_compile)
            # First: a wrong name shall not wait for hours of decoding.
            backbone = build_initial_backbone(config, folder)
            if config.learning_rate is None:
                rate = self._choose_learning_rate()
                config = dataclasses.replace(config, learning_rate=rate)
            self.objective = OBJECTIVES[config.objective](config)
            pool = self.objective.pool
            if config.batch_size is None:
                batch_size = begun_batch or self._choose_batch_size(len(pool))
            self.config = dataclasses.replace(config, batch_size=batch_size)
            self.steps = pool.steps_per_epoch(self.config.batch_size)
            self.choose_epochs(
                default_epochs(LEAST_EPOCHS, LEAST_STEPS, self.steps),
                f"at least {LEAST_EPOCHS} passes and {LEAST_STEPS} steps",
            )
            self.objective.config = config = self.config
            list_photos(folder, POOL_LIST, pool.photos, pool.hashes)
            self.objective.record(folder)
            record_photos(folder, pool, self.objective.skipped)
            inherit_exposure(folder, origins_of(config))
            self.model = self._build_model(backbone)
        self.folder.update_manifest(
            steps_per_epoch=self.steps,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            jit_compile=self.jit_compile,
            uses_labels=self.objective.uses_labels,
        )
        self.probe = build_probe(
            self.model.backbone,
            pool,
            config,
            self.jit_compile,
            not self.objective.uses_labels,
        )
        self.cell_probe = build_cell_probe(
            self.model.backbone, pool, config, self.jit_compile
        )
        report.save_views(folder, self.objective, self.model)
        self.done_epochs = self._begin_or_resume()

    @property
    def pools(self):
        return [self.objective.pool]

    def fit_until(self, end):
        self.probe.knn_epochs = knn_epochs(self.config.epochs)
        self.objective.config = self.config
        watch = self.objective.build_watch()
        rows = self.folder.read_epochs()[: self.done_epochs]
        watch.remember(rows, self.steps)
        stages = self._stages(self.config.epochs)
        if self.done_epochs < end:  # not where a run is only finished
            borders = [last for last, _ in stages[:-1]]
            self.folder.update_manifest(stage_borders=borders)
        for last, image_size in stages:
            last = min(last, end)
            if self.done_epochs >= last:
                continue
            self._show_views_of(image_size)
            self.fit_epochs(
                last,
                self.objective.shown,
                [
                    keras.callbacks.LambdaCallback(on_epoch_begin=self._anneal),
                    self.probe,
                    self.cell_probe,
                    *self.objective.callbacks(),
                    watch,
                ],
                **self.objective.fit_arguments(),
            )
            self.done_epochs = last

    def measure_pause(self):
        return _SECONDS_BETWEEN_EPOCHS

    @property
    def pace_begins(self):
        epochs = self.config.epochs
        # With several stages none: another number of epochs would move them.
        return 0 if len(plan_view_sizes(self.config, epochs)) == 1 else epochs

    def finish(self):
        """Saves the backbone and the summary; returns the summary."""
        self.save_backbone()
        summary = report.summarize(self.folder, self.objective, self.probe)
        self.folder.finish(summary)
        return summary

    def time_steps(self, batches):
        done, seconds = self.done_epochs, {}
        sizes = [size for last, size in self._stages(sys.maxsize) if last > done]
        for size in reversed(sizes):  # the step of the next one stays compiled
            self._show_views_of(size)
            seconds[size] = self.measure_step(batches)

        def mean_seconds(number):
            begin, total = done, 0.0
            for last, size in self._stages(done + number):
                if last > begin:
                    total += (last - begin) * seconds[size]
                    begin = last
            return total / number

        return mean_seconds

    def _anneal(self, epoch, logs):
        self.objective.anneal(epoch / self.config.epochs)

    def _stages(self, epochs):
        """What `plan_view_sizes` gives; a stage that is over stays as long as it was.

        So no view becomes smaller again where the number of epochs changes.
        """
        *planned, last = plan_view_sizes(self.config, epochs)
        recorded = self.folder.manifest.get("stage_borders", [None] * len(planned))
        return [
            (resumed_border(border, before, self.done_epochs), size)
            for (border, size), before in zip(planned, recorded, strict=True)
        ] + [last]

    def save_backbone(self):
        """Writes `backbone.keras`, of Keras' own layers, and what it computes."""
        plain = models.plain_backbone(self.model.backbone, self.config.image_size)
        with replacing(self.folder.path / "backbone.keras") as temporary:
            plain.save(temporary)
        # A reader can prove by features that the weights have arrived.
        size = self.config.image_size
        proof = models.fingerprint(self.model.backbone, size).tolist()
        self.folder.update_manifest(backbone_fingerprint=proof)

    def format_summary(self, summary):
        return report.format_summary(self.folder, self.objective, summary)

    def panels(self):
        return [
            *self.objective.panels(),
            Panel(("effective_rank",), "effective rank"),
            Panel(("cell_match_gap",), "match gap of cells"),
            Panel(("spatial_rank",), "spatial rank"),
        ]

    def dataset(self, *arguments):
        return self.objective.dataset(*arguments)

    def batches(self, *arguments):
        return self.objective.batches(*arguments)

    def _choose_learning_rate(self):
        """Chooses the rate by the weights of the start, and says so."""
        trained = starts_trained(self.config, self.folder)
        rate = self.config.default_learning_rate(trained)
        reason = "a tenth, as the weights are trained" if trained else "random weights"
        print(f"learning rate: {rate:g} per 256 photos ({reason}: --learning-rate)")
        return rate

    def _choose_batch_size(self, num_photos):
        """Chooses a batch by the number of photos and of devices, and says so."""
        used = devices.replicas_for(LARGEST_BATCH, self.config.device)
        least = min(used * devices.PHOTOS_OF_REPLICA, num_photos)
        size = max(choose_batch_size(num_photos), least)
        size = min(size, max(2, num_photos))
        print(f"batch: {size}, for {num_photos} photos (--batch-size)", flush=True)
        return size

    def _show_views_of(self, image_size):
        """Lets the next steps be on views of this size."""
        if self.model.augmenter.image_size != image_size:
            self.model.augmenter.set_image_size(image_size)
            self.model.make_train_function(force=True)
            self.model.make_test_function(force=True)

    def _build_model(self, backbone):
        config = self.config
        total_steps = self.steps * config.epochs
        start = config.image_size_start
        if start is not None or self.objective.needs_any_size:
            backbone = resized(backbone, None)
        if start is not None:
            tell_of_one_cell(backbone, start)
        model = self.objective.build_model(backbone)
        model.build((None, config.resize_size, config.resize_size, 3))
        model.compile(
            optimizer=schedule.build_optimizer(
                config.optimizer,
                config.learning_rate,
                config.weight_decay,
                config.batch_size,
                total_steps,
                config.warmup,
            ),
            jit_compile=self.jit_compile,
            **self.objective.compile_arguments(),
        )
        return model

    def _begin_or_resume(self):
        """Loads the newest checkpoint; measures the untrained backbone if new."""
        done = callbacks.restore(self.model, self.checkpoints)
        self.folder.read_epochs(done)  # must be whole before hours are spent
        if done:
            self.tell_of_resumption(done)
        elif self.probe.num_queries:
            knn_report.record_untrained(self.folder, self.probe)
        return done
