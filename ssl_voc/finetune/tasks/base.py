"""Base class of the tasks of fine-tuning."""

from ssl_voc import models


class FinetuningTask:
    """What a fine-tuning learns, and by what it is judged.

    Attributes:
        main_object_only: Whether a photo has one target.
        inputs: Entries of a batch that the model looks at.
        heads: Names of the layers that `--backbone-rate` does not slow down.
        scored: Entries of the logs, from held-out photos, that choose the epoch.
        shown: Entries of the logs that progress shows.
        panels: What `curves.png` shows.
        measures: Labels of the figures of `summary.json`, by their names.
    """

    main_object_only = False
    inputs = ("images", "bounding_boxes")
    heads = ()
    scored = ()
    shown = ("loss",)
    panels = ()
    measures = {}

    def build_model(self, config, pool):
        """The model, with its augmenter.

        Args:
            config: A `FinetuneConfig`, resolved.
            pool: `pipelines.Pool` to be learned from.
        """
        raise NotImplementedError

    def compile_arguments(self, config, model):
        """Losses and metrics, as keyword arguments of `compile`."""
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
        """Names figures as the summaries do."""


def build_backbone(config):
    """The backbone that a `FinetuneConfig` asks for, its weights loaded."""
    return models.backbone(
        config.backbone,
        image_size=config.image_size,
        weights=config.weights,
        drop_connect=config.drop_connect,
    )
