"""One pretraining: its photos, model, training and report."""

import keras
import numpy as np

import pipelines
from ssl_voc import callbacks, layers, losses, metrics, models, training
from ssl_voc.runs.data_wait import TimedIterator
from ssl_voc.runs.metrics_log import MetricsLog
from ssl_voc.runs.plots import Panel, plot_curves, plot_image_grid
from ssl_voc.runs.progress import Progress, progress_bar

# Photos whose features give the effective rank, which depends on their number.
NUM_RANK_PHOTOS = 512
# Labelled photos that the k-NN probe looks at, at most; half of them are queries.
MAX_KNN_PHOTOS = 4000
NUM_KNN_PROBES = 9  # over the whole run


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
        training.set_up_runtime(config.seed, config.deterministic, config.precision)
        self.jit_compile = training.should_jit_compile(config.jit_compile)
        self.pool = pipelines.prepare(
            [*config.data],
            config.pool_size,
            split=config.train_split,
            cache=config.cache,
            progress=progress_bar("preparing photos"),
        )
        self.steps = self.pool.steps_per_epoch(config.batch_size)
        self._record_photos()
        with training.replica_scope():
            self.model = self._build_model()
        self.probe = self._build_probe()
        self._save_views()
        self.done_epochs = self._begin_or_resume()

    def fit(self):
        """Trains the epochs that are left."""
        batches, timer = self._batches()
        progress = Progress(
            self.config.epochs, self.steps, self.config.batch_size, timer
        )
        self.model.fit(
            batches,
            steps_per_epoch=self.steps,
            initial_epoch=self.done_epochs,
            epochs=self.config.epochs,
            shuffle=False,  # the order is the pipeline's
            verbose=0,
            callbacks=[
                callbacks.EpochSeeds(self.config.seed),
                callbacks.TrainingWatch(),
                self.probe,
                progress,
                MetricsLog(self.run),
                *self._tensorboard(),
                keras.callbacks.LambdaCallback(on_epoch_end=self._plot),
                callbacks.Checkpoint(self.run.path / "checkpoints"),
            ],
        )

    def finish(self):
        """Saves the backbone and the summary, and returns the summary."""
        self.save_backbone()
        last = self.run.read_jsonl("metrics.jsonl")[-1]
        summary = {name: last[name] for name in _SUMMARY_KEYS if name in last}
        if self.probe.num_queries:
            knn = {
                "knn_top1": self.probe.measure_knn(),
                "knn_top1_untrained": self.run.manifest["knn_top1_untrained"],
            }
            for name, value in knn.items():
                summary[name] = value
                summary[f"{name}_ci"] = metrics.wilson_interval(
                    value, self.probe.num_queries
                )
            summary["knn_majority"] = self.probe.majority_share
            summary["knn_num_queries"] = self.probe.num_queries
        summary["effective_rank_images"] = len(self.probe.rank_images)
        summary["num_images"] = len(self.pool)
        summary["num_skipped"] = len(self.pool.skipped)
        self.run.finish(summary)
        return summary

    def save_backbone(self):
        """Writes `backbone.keras`, of Keras' own layers, and what it computes."""
        plain = models.plain_backbone(self.model.backbone)
        partial = self.run.path / "partial_backbone.keras"
        plain.save(partial)
        partial.replace(self.run.path / "backbone.keras")
        # A reader can prove by features that the weights have arrived.
        proof = models.fingerprint(self.model.backbone).tolist()
        self.run.update_manifest(backbone_fingerprint=proof)

    def how_to_go_on(self):
        """What to tell a person who interrupted the run."""
        done = callbacks.last_epoch(self.run.path / "checkpoints")
        return (
            f"interrupted. {done} of {self.config.epochs} epochs are saved in "
            f"{self.run.path}; the same command goes on from there."
        )

    def report(self, summary):
        """The last words of the command, as text."""
        name = self.config.backbone
        lines = [
            "",
            f"backbone        {self.run.path / 'backbone.keras'}",
            f"pictures        {self.run.path / 'views.png'}, curves.png",
            f"loss            {summary['loss']:.3f} "
            f"({summary['loss_over_chance']:.2f} of chance); contrastive top-1 "
            f"{summary['contrastive_top1']:.3f}",
            f"effective rank  {summary['effective_rank']:.1f} "
            f"on {summary['effective_rank_images']} photos",
        ]
        if "knn_top1" in summary:
            low, high = summary["knn_top1_ci"]
            lines.append(
                f"k-NN top-1      {summary['knn_top1']:.3f} [{low:.3f}, {high:.3f}]; "
                f"untrained {summary['knn_top1_untrained']:.3f}, commonest class "
                f"{summary['knn_majority']:.3f} ({summary['knn_num_queries']} queries)"
            )
        if self.pool.skipped:
            lines.append(
                f"skipped         {len(self.pool.skipped)} unreadable photos: "
                f"{self.run.path / 'skipped.txt'}"
            )
        call = f"ssl_voc.backbone({name!r}, weights={str(self.run.path)!r})"
        lines.append(f"next            {call}")
        return "\n".join(lines)

    def _record_photos(self):
        """Lists what was read, what was skipped, and a hash of each photo."""
        pool = self.pool
        skipped = "".join(f"{item.name}\t{item.reason}\n" for item in pool.skipped)
        self.run.write_text("skipped.txt", skipped)
        lines = ["image_id\tsource\tperceptual_hash"]
        for photo, value in zip(pool.photos, pool.hashes, strict=True):
            lines.append(f"{photo.image_id}\t{photo.source}\t{int(value):016x}")
        self.run.write_text("photos.tsv", "\n".join(lines) + "\n")
        self.run.update_manifest(
            num_photos=len(pool),
            num_skipped=len(pool.skipped),
            steps_per_epoch=self.steps,
            jit_compile=self.jit_compile,
        )
        if pool.skipped:
            print(f"skipped {len(pool.skipped)} unreadable photos, see skipped.txt")

    def _build_model(self):
        config = self.config
        model = models.ContrastiveModel(
            models.backbone(
                config.backbone,
                image_size=config.image_size,
                weights=config.weights,
                drop_connect=config.drop_connect,
            ),
            layers.SimCLRAugmenter(
                config.image_size,
                area_range=config.crop_area,
                color_strength=config.color_strength,
                grayscale_rate=config.grayscale_rate,
                blur_rate=config.blur_rate,
                solarize_rate=config.solarize_rate,
                seed=config.seed,
            ),
            layers.ProjectionHead(
                config.hidden_dimensions,
                config.projection_dimensions,
                config.projection_layers,
            ),
        )
        model.build((None, config.pool_size, config.pool_size, 3))
        model.compile(
            optimizer=training.build_optimizer(
                config.optimizer,
                config.learning_rate,
                config.weight_decay,
                config.batch_size,
                self.steps * config.epochs,
                config.warmup,
            ),
            loss=losses.NTXentLoss(config.temperature),
            metrics=[
                metrics.ContrastiveAccuracy(),
                metrics.Alignment(),
                metrics.Uniformity(),
            ],
            jit_compile=self.jit_compile,
        )
        return model

    def _build_probe(self):
        config, pool = self.config, self.pool
        random = np.random.default_rng(config.seed)
        num_rank = min(NUM_RANK_PHOTOS, len(pool))
        rank_indices = np.sort(random.permutation(len(pool))[:num_rank])
        knn_indices, knn_labels = _knn_photos(pool, random)
        every = max(1, config.epochs // NUM_KNN_PROBES)
        return callbacks.FeatureProbe(
            self.model.backbone,
            config.image_size,
            rank_images=pool.gather(rank_indices),
            knn_images=pool.gather(knn_indices) if len(knn_indices) else None,
            knn_labels=knn_labels if len(knn_indices) else None,
            knn_epochs=range(every, config.epochs + 1, every),
            batch_size=min(config.batch_size, 128),
            jit_compile=self.jit_compile,
        )

    def _save_views(self):
        """Audits a batch of views and leaves a picture of some pairs."""
        images = self.pool.gather(np.arange(min(32, len(self.pool))))
        drawn = layers.audit_views(self.model.augmenter, images)
        views_a, views_b = np.split(drawn["views"], 2)
        num_shown = min(12, len(images))
        grid, titles = [], []
        for index in range(num_shown):
            grid += [images[index], views_a[index], views_b[index]]
            titles += [self.pool.photos[index].image_id[:18], "view a", "view b"]
        plot_image_grid(grid, self.run.path / "views.png", columns=6, titles=titles)
        print(f"views look like {self.run.path / 'views.png'}", flush=True)

    def _begin_or_resume(self):
        """Loads the newest checkpoint; measures the untrained backbone if new."""
        done = callbacks.restore(self.model, self.run.path / "checkpoints")
        if done:
            print(f"going on after epoch {done}", flush=True)
        elif self.probe.num_queries:
            untrained = self.probe.measure_knn()
            self.run.update_manifest(knn_top1_untrained=untrained)
            print(f"k-NN top-1 of the untrained backbone {untrained:.3f}", flush=True)
        return done

    def _batches(self):
        """The batches that are left, and what measures the wait for them."""
        config = self.config
        arguments = (config.batch_size, config.seed, self.done_epochs)
        if keras.backend.backend() != "tensorflow":
            timer = TimedIterator(self.pool.batches(*arguments))
            return timer, timer
        from ssl_voc.runs.data_wait import TimedDataset

        timer = TimedDataset(self.pool.dataset(*arguments))
        return timer.dataset, timer

    def _tensorboard(self):
        try:
            import tensorboard  # noqa: F401
            import tensorflow  # noqa: F401
        except ImportError:
            return []  # Event files are TensorFlow's: without it the jsonl must do.
        folder = str(self.run.path / "tensorboard")
        return [keras.callbacks.TensorBoard(folder, write_graph=False)]

    def _plot(self, epoch, logs):
        rows = self.run.read_jsonl("metrics.jsonl")
        chance = float(losses.chance_level(self.config.batch_size))
        panels = [
            Panel(("loss",), "NT-Xent", chance=chance),
            Panel(("contrastive_top1", "knn_top1"), "top-1 accuracy"),
            Panel(("effective_rank",), "effective rank"),
            Panel(("alignment", "uniformity"), "alignment, uniformity"),
        ]
        plot_curves(rows, self.run.path / "curves.png", panels)


_SUMMARY_KEYS = (
    "loss",
    "loss_over_chance",
    "contrastive_top1",
    "effective_rank",
    "alignment",
    "uniformity",
    "images_per_second",
    "data_wait_share",
)


def _knn_photos(pool, random):
    """Indices of shuffled labelled photos and their labels as integers.

    A source whose photos all have one class says nothing about telling classes apart
    and is left out.
    """
    classes = {}
    for source, label in zip(pool.sources, pool.labels, strict=True):
        classes.setdefault(source, set()).add(label)
    told_apart = {name for name, found in classes.items() if len(found - {None}) > 1}
    usable = [
        index
        for index, (source, label) in enumerate(
            zip(pool.sources, pool.labels, strict=True)
        )
        if source in told_apart and label is not None
    ]
    indices = random.permutation(np.array(usable, dtype="int64"))[:MAX_KNN_PHOTOS]
    names = sorted({pool.labels[index] for index in indices})
    labels = np.array([names.index(pool.labels[index]) for index in indices], "int64")
    return indices, labels
