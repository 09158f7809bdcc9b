"""The task `detect`: class and box of every object."""

import keras
import numpy as np

from ssl_voc import callbacks, layers, losses, models
from ssl_voc.finetune.tasks.base import FinetuningTask, build_backbone
from ssl_voc.visualization.curves import Panel


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
            build_backbone(config),
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


def _boxes_of(pool):
    """All boxes of a pool, `(num_boxes, 4)`, in pixels of the squares."""
    # By the targets alone: pixels are of no interest here.
    targets = pool.targets
    return targets["boxes"][targets["classes"] >= 0]
