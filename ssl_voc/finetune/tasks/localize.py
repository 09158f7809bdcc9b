"""The task `localize`: class and box of the main object."""

import keras

from ssl_voc import layers, losses, metrics, models
from ssl_voc.finetune.tasks.base import FinetuningTask, build_backbone
from ssl_voc.visualization.curves import Panel


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
            build_backbone(config),
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
