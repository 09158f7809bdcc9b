"""What differs between the tasks of fine-tuning: model, losses, figures."""

import keras
import numpy as np

from ssl_voc import callbacks, layers, losses, metrics, models
from ssl_voc.runs.plots import Panel


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
            pool: `pipelines.LabeledPool` to be learned from.
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


class LocalizeTask(FinetuningTask):
    """The class and the box of the main object of each photo."""

    main_object_only = True
    inputs = ("images", "bounding_boxes", "truncated")
    heads = ("localization_head",)
    scored = ("val_top1", "val_mean_iou")
    shown = ("loss", "top1", "mean_iou", *scored)
    panels = (
        Panel(("loss", "val_loss"), "loss"),
        Panel(("top1", "val_top1"), "top-1 accuracy"),
        Panel(("mean_iou", "val_mean_iou"), "mean IoU"),
        Panel(("loc_acc_50", "val_loc_acc_50", "val_loc_acc_70"), "LocAcc"),
    )
    measures = {
        "top1": "top-1",
        "mean_iou": "mean IoU",
        "loc_acc_50": "LocAcc@0.5",
        "loc_acc_70": "LocAcc@0.7",
    }

    def build_model(self, config, pool):
        return models.Localizer(
            _backbone(config),
            len(pool.class_names),
            augmenter=layers.LocalizationAugmenter(
                config.image_size,
                area_range=config.crop_area,
                color_strength=config.color_strength,
                seed=config.seed,
            ),
            freeze_batch_norm=config.freeze_batch_norm,
        )

    def compile_arguments(self, config, model):
        return {
            "loss": {
                "boxes": losses.BoxLoss(
                    model.bounding_box_format, model.image_shape, config.overlap
                ),
                "classes": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            },
            "metrics": {
                "boxes": [
                    metrics.MeanBoxIoU(),
                    metrics.LocalizationAccuracy(0.5),
                    metrics.LocalizationAccuracy(0.7),
                ],
                "classes": [keras.metrics.SparseCategoricalAccuracy(name="top1")],
            },
        }

    def rename(self, logs):
        """`val_boxes_mean_iou` is `val_mean_iou`."""
        for name in [*logs]:
            short = name.replace("boxes_mean_iou", "mean_iou")
            short = short.replace("boxes_loc_acc", "loc_acc")
            short = short.replace("classes_top1", "top1")
            if short != name:
                logs[short] = logs.pop(name)


class DetectTask(FinetuningTask):
    """The class and the box of every object of each photo."""

    inputs = ("images", "bounding_boxes", "difficult")
    heads = ("feature_pyramid", "detection_head")
    scored = ("val_voc10_ap50",)
    shown = ("loss", "matched_iou", *scored)
    panels = (
        Panel(("loss",), "loss"),
        Panel(("boxes_loss", "classes_loss"), "parts of the loss"),
        Panel(("matched_iou",), "IoU of the anchors' boxes"),
        Panel(("val_voc07_ap50", "val_voc10_ap50"), "VOC AP50, held out"),
    )
    measures = {
        "matched_iou": "IoU of matched anchors",
        "voc07_ap50": "VOC07 AP50",
        "voc10_ap50": "VOC10 AP50",
    }

    def build_model(self, config, pool):
        shape = (config.image_size, config.image_size)
        return models.Detector(
            _backbone(config),
            len(pool.class_names),
            augmenter=layers.DetectionAugmenter(
                config.image_size,
                area_range=config.crop_area,
                color_strength=config.color_strength,
                mosaic_rate=config.mosaic,
                seed=config.seed,
            ),
            anchor_grid=layers.AnchorGrid.fitted_to(
                _boxes_of(pool), shape, seed=config.seed
            ),
            freeze_batch_norm=config.freeze_batch_norm,
        )

    def compile_arguments(self, config, model):
        overlap = losses.GIoULoss if config.overlap == "giou" else losses.CIoULoss
        focal = keras.losses.BinaryFocalCrossentropy(
            apply_class_balancing=True, from_logits=True
        )
        return {
            "loss": {"boxes": overlap(model.bounding_box_format), "classes": focal},
            "loss_weights": {"boxes": 2.0, "classes": 1.0},
        }

    def describe(self, model, pool):
        """Tells what share of the boxes has an anchor; prints it, too."""
        found = _boxes_of(pool)
        shares = {}
        grids = {"fitted": model.anchor_grid, "default": layers.AnchorGrid()}
        for name, grid in grids.items():
            ious = grid.best_ious(found, model.image_shape)
            shares[f"anchor_share_{name}"] = float(np.mean(ious >= 0.5))
        print(
            f"anchors: {shares['anchor_share_fitted']:.1%} of {len(found)} boxes have "
            f"one of IoU 0.5 or more ({shares['anchor_share_default']:.1%} by the "
            "defaults of RetinaNet); the others are learned by their best one",
            flush=True,
        )
        return {
            **shares,
            "anchors": model.anchor_grid.get_config(),
            "max_boxes": pool.max_boxes,
        }

    def probes(self, batches):
        return [callbacks.DetectionProbe(batches)]


TASKS = {"localize": LocalizeTask(), "detect": DetectTask()}


def _backbone(config):
    return models.backbone(
        config.backbone,
        image_size=config.image_size,
        weights=config.weights,
        drop_connect=config.drop_connect,
    )


def _boxes_of(pool):
    """All boxes of a pool, `(num_boxes, 4)`, in pixels of the squares."""
    # By the targets alone: pixels are of no interest here.
    targets = pool.targets
    return targets["boxes"][targets["classes"] >= 0]
