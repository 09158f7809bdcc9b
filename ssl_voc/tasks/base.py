"""Base class of the tasks that are learned from boxes."""


class Task:
    """What is learned from boxes: its model, its losses, and how its answers are read.

    Commands ask a task and do not look at its name. Heavy imports stay inside the
    methods: `--help` reads names and defaults.

    Attributes:
        name: Value of `--task`.
        answer: What its model finds in a photo, in words.
        evaluation: Package of `ssl_voc.evaluate` that measures its models.
        main_object_only: Whether a photo has one target, and is answered by one box
            and the scores of all classes.
        defaults: Values of those fields of `FinetuneConfig` that depend on the task.
        image_size_step: What `--image-size` is a multiple of, with backbones known by
            name.
        least_steps: Number of steps that the default of `--epochs` takes, at least.
        backbone_from_random: Name of the default backbone where its weights are random
            ones, or None for that of all tasks; of KerasCV, if that is installed.
        settings: Fields of `FinetuneConfig` that no other task looks at.
        inputs: Entries of a batch that the model looks at.
        heads: Names of the layers that `--backbone-rate` does not slow down.
        scored: Entries of the logs, from held-out photos, that choose the epoch.
        shown: Entries of the logs that progress shows.
        panels: Keys of the logs and label of each panel of `curves.png`.
        measures: Labels of the measures of `summary.json`, by their names.
        threshold: Lowest score of what is shown, where no flag says another.
        fusion: How `fuse` makes one answer of several, in words.
    """

    name = ""
    answer = ""
    evaluation = ""
    main_object_only = False
    defaults = {}
    image_size_step = 1
    least_steps = 0
    backbone_from_random = None
    settings = ()
    inputs = ("images", "bounding_boxes")
    heads = ()
    scored = ()
    shown = ("loss",)
    panels = ()
    measures = {}
    threshold = 0.0
    fusion = ""

    def build_model(self, backbone, config, pool):
        """The model, with its augmenter.

        Args:
            backbone: What `ssl_voc.backbone` returned.
            config: A `FinetuneConfig`, resolved, with what a run fills in: `mosaic`.
            pool: `pipelines.Pool` to be learned from.
        """
        raise NotImplementedError

    def mosaic_share(self, epochs, steps):
        """Share of the pictures that are mosaics, where no flag says it.

        Args:
            epochs: Number of passes over the photos.
            steps: Steps of each.

        Returns:
            Number in `[0, 1]`, or None where the task has no mosaics.
        """
        return None

    def pseudo_labels(self, pool):
        """What chooses the labels that a teacher gives, a `PseudoLabels` layer.

        Args:
            pool: `pipelines.Pool` with boxes that is learned from.
        """
        raise NotImplementedError

    def compile_arguments(self, config, model):
        """Losses and metrics, as keyword arguments of `compile`."""
        raise NotImplementedError

    def rank(self, outputs):
        """What a model predicts, the most confident first, alike for all tasks.

        Args:
            outputs: Dictionary of tensors or arrays that `predict` and
                `decode_predictions` of the task's model give.

        Returns:
            Dictionary of `"boxes"` `(n, d, 4)` as they came, `"scores"` `(n, c)` and
            `"classes"` `(n, c)`, descending by score, -1 where padded. With
            `main_object_only` `d` is 1 and `c` the number of classes, else both are
            the number of detections.
        """
        raise NotImplementedError

    def rank_arrays(self, outputs):
        """`rank` as NumPy arrays."""
        import keras

        ranked = self.rank(outputs)
        return {
            name: keras.ops.convert_to_numpy(value) for name, value in ranked.items()
        }

    def fuse(self, answers):
        """One answer to each photo, of those to several views of it.

        Args:
            answers: List of what `predict` of the task's model gives for each view, a
                dictionary of arrays, its boxes xyxy in one frame for all views.

        Returns:
            Such a dictionary.
        """
        raise NotImplementedError

    def classes_of(self, ranked, boxes):
        """The class that a model gives each of some objects.

        Args:
            ranked: Dictionary of arrays that `rank_arrays` gives, its boxes xyxy.
            boxes: Array `(n, 4)`, xyxy: an object of each photo.

        Returns:
            Array `(n,)`, -1 where an object has none.
        """
        raise NotImplementedError

    def describe(self, model, pool):
        """Facts for `manifest.json` about how the model fits its photos."""
        return {}

    def model_inputs(self, batch):
        """The part of a batch that the model looks at."""
        return {name: batch[name] for name in self.inputs}

    def probes(self, batches):
        """Callbacks that measure held-out photos in place of `fit`; or none.

        Args:
            batches: Iterable of their batches, each time from the start.
        """
        return []

    def rename(self, logs):
        """Names entries of the logs as the summaries do."""


def scores_by_class(ranked, num_classes):
    """The highest score of each class, 0 where none was detected.

    Args:
        ranked: Dictionary of arrays that `Task.rank` gives.
        num_classes: Number of classes.

    Returns:
        Float64 array `(n, num_classes)`.
    """
    import numpy as np

    classes = np.asarray(ranked["classes"])
    scores = np.zeros((len(classes), num_classes))
    rows, places = np.nonzero(classes >= 0)
    labels = classes[rows, places].astype("int64")
    found = np.asarray(ranked["scores"], "float64")[rows, places]
    np.maximum.at(scores, (rows, labels), found)
    return scores
