"""Supervised pretraining: the baseline of objectives that need no labels."""

import dataclasses

from ssl_voc.cli.options import option
from ssl_voc.pretrain.objectives.base import PretrainingObjective

MAX_BATCH = 128  # of inference


@dataclasses.dataclass(frozen=True, kw_only=True)
class SupervisedSettings:
    """Settings of `--objective supervised`."""

    # Cosines of projections bear large steps that the logits of a classifier do not:
    # at 0.3 they stayed above chance.
    learning_rates = {"sgd": 0.1}

    val_share: float = option(
        0.15, "Share of the labels to hold out.", minimum=0, below=1
    )
    dropout: float = option(0.2, "Share of features left out.", minimum=0, below=1)


class SupervisedObjective(PretrainingObjective):
    """Cross-entropy between the class of a photo and the logits of one random view.

    There is no k-NN probe: on photos whose labels were learned it would measure
    memory. Instead a seeded share of the labelled photos is held out of the training,
    and top-1 is measured on it after every epoch; it selects nothing, the last weights
    are kept, so the last value may be reported. Near-duplicates of training photos do
    not count.

    Chance is the loss of a model that knows how common each class is and nothing else:
    the entropy of the classes, which is ln(classes) where all are equally common.

    Labels are not smoothed: it makes the classes of the pretraining easier to tell
    apart and the features worse for others.

    Reference:
        - [Kornblith et al., 2021](https://arxiv.org/abs/2010.16402), on smoothing
    """

    settings = SupervisedSettings
    uses_labels = True
    cost_in_views = 1.0
    shown = ("loss", "loss_over_chance", "top1", "val_top1")
    summarized = {
        **PretrainingObjective.summarized,
        # Of augmented training photos: no result.
        "top1": "training_top1",
        "top3": "training_top3",
        "val_loss": "val_loss",
        "val_top1": "val_top1",
        "val_top3": "val_top3",
    }
    advice = (
        "See in views.png whether the labels fit. Try another --learning-rate or "
        "--optimizer, or milder views (--color-strength, --crop-area)"
    )

    def __init__(self, config):
        import numpy as np

        from ssl_voc.pretrain.objectives.supervised_photos import (
            prepare_supervised_photos,
        )

        super().__init__(config)
        self.photos = prepare_supervised_photos(config)
        self.pool = self.photos.training
        self.skipped = self.photos.skipped
        self.class_names = self.photos.class_names
        self.num_held_out = len(self.photos.held_out)
        self.shares = self.photos.shares()
        self.targets = self.pool.label_numbers(self.class_names)
        self.chance = float(-np.sum(self.shares * np.log(self.shares)))

    def record(self, run):
        """Notes the classes and the held-out photos.

        Raises:
            BadInput: when a run goes on with other labels than it began with, or with
                other photos held out, some of which it has learned from.
        """
        from ssl_voc.runs.finished_run import VALIDATION_LIST
        from ssl_voc.training.photo_lists import list_photos, refuse_other_labels

        held_out = self.photos.held_out
        list_photos(run, VALIDATION_LIST, held_out.photos, held_out.hashes)
        refuse_other_labels(run, (self.class_names, (self.targets, held_out.labels)))
        run.update_manifest(
            class_names=list(self.class_names),
            num_unlabelled=self.photos.num_unlabelled,
            num_validation=self.num_held_out,
            loss_of_chance=self.chance,
        )

    def build_model(self, backbone):
        from ssl_voc import layers, models

        return models.Classifier(
            backbone,
            len(self.class_names),
            augmenter=layers.SingleViewAugmenter(**self.augmenter_arguments()),
            dropout=self.config.dropout,
        )

    def compile_arguments(self):
        import keras

        from ssl_voc.metrics.localization_measures import FEWEST_CLASSES_FOR_TOP3

        measured = [keras.metrics.SparseCategoricalAccuracy(name="top1")]
        if len(self.class_names) >= FEWEST_CLASSES_FOR_TOP3:
            top3 = keras.metrics.SparseTopKCategoricalAccuracy(k=3, name="top3")
            measured.append(top3)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        return {"loss": loss, "metrics": measured}

    def fit_arguments(self):
        if not self.num_held_out:
            return {}
        held_out = self.photos.held_out
        return {
            "validation_data": (held_out.images, held_out.labels),
            "validation_batch_size": min(self.config.batch_size, MAX_BATCH),
        }

    def callbacks(self):
        import keras

        def compare_with_chance(epoch, logs):
            logs["loss_over_chance"] = logs["loss"] / self.chance

        return [keras.callbacks.LambdaCallback(on_epoch_end=compare_with_chance)]

    def draw_views(self, model, images):
        from keras import ops

        return [
            ops.convert_to_numpy(model.augmenter(images, training=True))
            for _ in range(2)
        ]

    def title(self, photo):
        return f"{photo.label}\n{photo.image_id}"

    def panels(self):
        from ssl_voc.visualization.curves import Panel

        return [
            Panel(("loss", "val_loss"), "cross-entropy", chance=self.chance),
            Panel(
                ("top1", "val_top1"),
                "top-1 accuracy",
                chance=float(self.shares.max()),
            ),
            Panel(("top3", "val_top3"), "top-3 accuracy"),
        ]

    def summarize(self, last):
        from ssl_voc.metrics.wilson import wilson_interval

        summary = {
            "num_classes": len(self.class_names),
            "num_unlabelled": self.photos.num_unlabelled,
            "num_validation": self.num_held_out,
        }
        for name in ("val_top1", "val_top3"):
            if name in last:
                interval = wilson_interval(last[name], self.num_held_out)
                summary[f"{name}_ci"] = interval
        if self.num_held_out:
            of_majority = self.photos.held_out.labels == self.shares.argmax()
            summary["val_majority"] = float(of_majority.mean())
        return summary

    def describe(self, summary):
        lines = [
            (
                "loss",
                f"{summary['loss']:.3f} ({summary['loss_over_chance']:.2f} of chance); "
                f"top-1 of training views {summary['training_top1']:.3f}, "
                f"{summary['num_classes']} classes",
            )
        ]
        if self.num_held_out:
            low, high = summary["val_top1_ci"]
            lines.append(
                (
                    "held-out top-1",
                    f"{summary['val_top1']:.3f} [{low:.3f}, {high:.3f}]; majority "
                    f"class {summary['val_majority']:.3f} "
                    f"({self.num_held_out} photos, in no batch)",
                )
            )
        if self.photos.num_unlabelled:
            without = f"{self.photos.num_unlabelled} photos without a label"
            lines.append(("left out", without))
        return lines
