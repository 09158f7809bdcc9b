"""One pretraining: its photos, model and training."""

import keras

from ssl_voc import callbacks, devices, models
from ssl_voc.callbacks.metrics_log import MetricsLog
from ssl_voc.callbacks.progress import Progress
from ssl_voc.optimizers import schedule
from ssl_voc.pretrain import knn_report, report
from ssl_voc.pretrain.data import record_photos
from ssl_voc.pretrain.knn_photos import build_probe
from ssl_voc.pretrain.objectives.simclr import SimCLRObjective
from ssl_voc.pretrain.objectives.supervised import SupervisedObjective
from ssl_voc.runs.atomic_files import replacing
from ssl_voc.training import lifecycle
from ssl_voc.training.batch_timer import TimedIterator

OBJECTIVES = {"simclr": SimCLRObjective, "supervised": SupervisedObjective}


class PretrainingRun:
    """Everything between a config and a backbone that has learned.

    Args:
        config: A `PretrainConfig`.
        run: The `RunFolder` to write to, new or to be resumed.

    Raises:
        ValueError, OSError: when photos, weights or backbone cannot be used.
    """

    def __init__(self, config, run):
        self.config, self.run = config, run
        devices.set_up_runtime(config.seed, config.deterministic, config.precision)
        self.jit_compile = devices.should_jit_compile(config.jit_compile)
        with devices.replica_scope():
            # First: a wrong name shall not wait for hours of decoding.
            backbone = models.backbone(
                config.backbone,
                image_size=config.image_size,
                weights=config.weights,
                drop_connect=config.drop_connect,
            )
            self.objective = OBJECTIVES[config.objective](config)
            pool = self.objective.pool
            self.steps = pool.steps_per_epoch(config.batch_size)
            self.objective.record(run)
            record_photos(run, pool, self.objective.skipped)
            self.model = self._build_model(backbone)
        self.run.update_manifest(
            steps_per_epoch=self.steps, jit_compile=self.jit_compile
        )
        self.probe = build_probe(
            self.model.backbone,
            pool,
            config,
            self.jit_compile,
            self.objective.asks_neighbors,
        )
        report.save_views(run, self.objective, self.model)
        self.done_epochs = self._begin_or_resume()

    def fit(self):
        """Trains the epochs that are left."""
        batches, timer = self._batches()
        progress = Progress(
            self.config.epochs,
            self.steps,
            self.config.batch_size,
            timer,
            self.objective.shown,
        )
        watch = callbacks.TrainingWatch(advice=self.objective.advice)
        rows = self.run.read_jsonl("metrics.jsonl")[: self.done_epochs]
        watch.remember(rows, self.steps)
        following = [
            callbacks.EpochSeeds(self.config.seed),
            self.probe,
            *self.objective.callbacks(),
            watch,
            progress,
            MetricsLog(self.run),
            *lifecycle.tensorboard_callbacks(self.run.path / "tensorboard"),
            keras.callbacks.LambdaCallback(on_epoch_end=self._draw_curves),
            # Last: what a checkpoint covers has been measured and logged.
            callbacks.Checkpoint(self.run.path / "checkpoints"),
        ]
        try:
            self.model.fit(
                batches,
                steps_per_epoch=self.steps,
                initial_epoch=self.done_epochs,
                epochs=self.config.epochs,
                shuffle=False,  # the order is the pipeline's
                verbose=0,
                callbacks=following,
                **self.objective.fit_arguments(),
            )
        finally:
            progress.close()

    def finish(self):
        """Saves the backbone and the summary, and returns the summary."""
        self.save_backbone()
        summary = report.summarize(self.run, self.objective, self.probe)
        self.run.finish(summary)
        return summary

    def save_backbone(self):
        """Writes `backbone.keras`, of Keras' own layers, and what it computes."""
        plain = models.plain_backbone(self.model.backbone)
        with replacing(self.run.path / "backbone.keras") as temporary:
            plain.save(temporary)
        # A reader can prove by features that the weights have arrived.
        proof = models.fingerprint(self.model.backbone).tolist()
        self.run.update_manifest(backbone_fingerprint=proof)

    def stop_reason(self, error):
        """What to tell a person of a training that ended early; None for a defect."""
        reason = "interrupted"
        if not isinstance(error, KeyboardInterrupt):
            reason = lifecycle.stop_reason(error, self.objective.pool.failure)
        if reason is None:
            return None
        done = callbacks.last_epoch(self.run.path / "checkpoints")
        return (
            f"{reason.rstrip('.')}. {done} of {self.config.epochs} epochs are saved in "
            f"{self.run.path}; the same command goes on from there."
        )

    def format_summary(self, summary):
        """What a person wants to know at the end, as text."""
        return report.format_summary(self.run, self.objective, summary)

    def _build_model(self, backbone):
        config = self.config
        model = self.objective.build_model(backbone)
        model.build((None, config.pool_size, config.pool_size, 3))
        model.compile(
            optimizer=schedule.build_optimizer(
                config.optimizer,
                config.learning_rate,
                config.weight_decay,
                config.batch_size,
                self.steps * config.epochs,
                config.warmup,
            ),
            jit_compile=self.jit_compile,
            **self.objective.compile_arguments(),
        )
        return model

    def _begin_or_resume(self):
        """Loads the newest checkpoint; measures the untrained backbone if new."""
        done = callbacks.restore(self.model, self.run.path / "checkpoints")
        if done:
            print(f"going on after epoch {done}", flush=True)
        elif self.probe.num_queries:
            knn_report.record_untrained(self.run, self.probe)
        return done

    def _batches(self):
        """The batches that are left, and what measures the wait for them."""
        config = self.config
        arguments = (config.batch_size, config.seed, self.done_epochs)
        if keras.backend.backend() != "tensorflow":
            timer = TimedIterator(self.objective.batches(*arguments))
            # `fit` takes no iterator but a generator.
            return timer.generator(), timer
        from ssl_voc.training.batch_timer import TimedDataset

        timer = TimedDataset(self.objective.dataset(*arguments))
        return timer.dataset, timer

    def _draw_curves(self, epoch, logs):
        report.draw_curves(self.run, self.objective.panels())
