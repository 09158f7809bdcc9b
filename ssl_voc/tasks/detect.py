"""The task `detect`: class and box of every object."""

from ssl_voc.tasks.base import Task, build_backbone


class DetectTask(Task):
    """The class and the box of every object of each photo."""

    name = "detect"
    answer = "all objects of a photo, each with box, class and score"
    evaluation = "detection"
    image_size = 160
    crop_area = (0.25, 2.0)
    settings = ("mosaic",)
    inputs = ("images", "bounding_boxes", "difficult")
    heads = ("feature_pyramid", "detection_head")
    scored = ("val_voc10_ap50",)
    shown = ("loss", "matched_iou", *scored)
    panels = (
        (("loss",), "loss"),
        (("boxes_loss", "classes_loss"), "parts of the loss"),
        (("matched_iou",), "IoU of the anchors' boxes"),
        (("val_voc07_ap50", "val_voc10_ap50"), "VOC AP50, held out"),
    )
    measures = {
        "matched_iou": "IoU of matched anchors",
        "voc07_ap50": "VOC07 AP50",
        "voc10_ap50": "VOC10 AP50",
    }

    def build_model(self, config, pool):
        from ssl_voc import layers, models

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
        import keras

        from ssl_voc import losses

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
        import numpy as np

        from ssl_voc import layers

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

    def rank(self, outputs):
        return {
            "boxes": outputs["boxes"],
            "scores": outputs["confidence"],
            "classes": outputs["classes"],
        }

    def probes(self, batches):
        from ssl_voc import callbacks

        return [callbacks.DetectionProbe(batches)]


def _boxes_of(pool):
    """All boxes of a pool, `(num_boxes, 4)`, in pixels of the squares."""
    # By the targets alone: pixels are of no interest here.
    targets = pool.targets
    return targets["boxes"][targets["classes"] >= 0]
