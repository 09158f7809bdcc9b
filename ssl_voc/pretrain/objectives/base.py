"""Base class of pretraining objectives."""


class PretrainingObjective:
    """One way of learning a backbone from photos, and all that depends on it.

    `PretrainingRun` has the rest: weights, optimizer, batches, checkpoints, logs. A
    subclass chooses photos and model, and says which metrics and pictures tell how it
    went. Keras and NumPy are imported inside its methods: `--help` reads the settings.

    Attributes:
        settings: Frozen dataclass of the options that only this objective has.
        pool: `pipelines.Pool` of the photos that are learned from.
        targets: Array `(num_photos, ...)` of what `fit` takes beside the photos; None
            where it takes them alone.
        skipped: List of `pipelines.Problem`, photos that could not be read.
        uses_labels: Whether the labels of the photos are learned: k-NN accuracy on them
            then says nothing, and the photos cannot be held out of an evaluation later.
        needs_any_size: Whether the backbone must take images of any size, as where
            views are of several.
        cost_in_views: What a photo costs in a step, in steps on one view of it: twice
            the ratio to SimCLR that `benchmarks/objectives.py` measures.
        shown: Names of the metrics in the line of an epoch.
        summarized: Names of the last epoch's metrics in `summary.json`, by their names
            in `metrics.jsonl`.
        watched: Name of the metric that ends a run which learns nothing:
            `"loss_over_chance"`, or `"spread"` of projections that collapse.
        advice: What to try then: a sentence without its full stop.

    Args:
        config: A `PretrainConfig` with these settings.

    Raises:
        ValueError, OSError: when the photos cannot be used.
    """

    targets = None
    uses_labels = False
    needs_any_size = False
    watched = "loss_over_chance"
    cost_in_views = 2.0
    shown = ("loss", "loss_over_chance")
    summarized = {
        name: name
        for name in (
            "loss",
            "loss_over_chance",
            "effective_rank",
            "spatial_rank",
            "cell_match_gap",
            "images_per_second",
            "data_wait_share",
        )
    }
    advice = ""

    def __init__(self, config):
        self.config = config

    def record(self, run):
        """Notes in the run folder what only this objective knows."""

    def build_model(self, backbone):
        """Builds the model around a backbone, which becomes its `backbone`.

        Args:
            backbone: Keras model from images to feature maps.
        """
        raise NotImplementedError

    def augmenter_arguments(self):
        """Arguments of an `ssl_voc.layers.RandomView`."""
        config = self.config
        return {
            "image_size": config.image_size,
            "area_range": config.crop_area,
            "flip_rate": config.flip_rate,
            "color_strength": config.color_strength,
            "grayscale_rate": config.grayscale_rate,
            "blur_rate": config.blur_rate,
            "solarize_rate": config.solarize_rate,
            "seed": config.seed,
        }

    def compile_arguments(self):
        """Loss and metrics, as arguments of `compile`."""
        raise NotImplementedError

    def batches(self, batch_size, seed, initial_epoch):
        """Endless iterator of the tuples that `fit` takes, as NumPy arrays."""
        targets = self.targets
        batches = self.pool.batches(batch_size, seed, initial_epoch, targets)
        return ((images,) for images in batches) if targets is None else batches

    def dataset(self, batch_size, seed, initial_epoch):
        """The same batches as a `tf.data.Dataset`."""
        return self.pool.dataset(batch_size, seed, initial_epoch, self.targets)

    def fit_arguments(self):
        """Further arguments of `fit`."""
        return {}

    def anneal(self, share_done):
        """Sets what changes in the course of a run, before each epoch.

        By the epoch alone, so that a resumed run needs no counter.

        Args:
            share_done: Share of the epochs that are done, in `[0, 1)`.
        """

    def callbacks(self):
        """Callbacks that add metrics to the logs."""
        return []

    def build_watch(self):
        """The callback that stops a run which learns nothing, a `TrainingWatch`."""
        from ssl_voc import callbacks

        watches = callbacks.TrainingWatch, callbacks.CollapseWatch
        build = {watch.watched: watch for watch in watches}[self.watched]
        return build(advice=self.advice, required=True)

    def draw_views(self, model, images):
        """Views of some images, as the model is shown them in training.

        Returns:
            List of arrays `(num_images, height, width, 3)`, one a view of each image.
        """
        raise NotImplementedError

    def title(self, photo):
        """Title of a photo in `views.png`."""
        return photo.image_id

    def panels(self):
        """List of `Panel` for `curves.png`."""
        raise NotImplementedError

    def summarize(self, last):
        """Further entries of `summary.json`, given the metrics of the last epoch."""
        return {}

    def describe(self, summary):
        """Lines for the end of the command: `(heading, text)`, the loss first."""
        raise NotImplementedError
