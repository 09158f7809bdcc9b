"""The task `detect`: class and box of every object."""

import math

from ssl_voc.tasks.base import Task

# In pixels: what is smaller lies on one or two of the points that learn it.
_LEAST_SIDE = 16
# Of a photo without boxes, as many may be learned, or more where labels show more.
_LEAST_OBJECTS = 20
# From so many on, photos are learned by heart, unless each picture is a mosaic; of a
# third of them, cells of a few pixels are found less often by mosaics alone.
_LONG_EPOCHS, _LONG_STEPS = 500, 4000


class DetectTask(Task):
    """The class and the box of every object of each photo."""

    name = "detect"
    answer = "all objects of a photo, each with box, class and score"
    evaluation = "detection"
    defaults = {
        "image_size": 160,
        "batch_size": 16,
        "learning_rate": 0.032,
        "weight_decay": 0.01,
        "crop_area": (0.4, 1.6),
    }
    least_steps = 1500
    backbone_from_random = "keras_cv:CSPDarkNetTinyBackbone"
    settings = ("mosaic",)
    inputs = ("images", "bounding_boxes", "difficult")
    heads = ("path_aggregation", "detection_head")
    # Of few photos AP50 alone may be highest while boxes still are loose.
    scored = ("val_coco_ap",)
    shown = ("loss", "matched_iou", "val_voc10_ap50", *scored)
    panels = (
        (("loss",), "loss"),
        (("boxes_loss", "sides_loss", "classes_loss"), "parts of the loss"),
        (("matched_iou",), "IoU of boxes with their objects"),
        (("val_voc07_ap50", "val_voc10_ap50", "val_coco_ap"), "AP, validation"),
    )
    measures = {
        "matched_iou": "IoU with matched objects",
        "voc07_ap50": "VOC07 AP50",
        "voc10_ap50": "VOC10 AP50",
        "coco_ap": "COCO AP",
    }
    threshold = 0.3
    fusion = "weighted boxes fusion at IoU 0.55"

    def build_model(self, backbone, config, pool):
        from ssl_voc import layers, models

        return models.Detector(
            backbone,
            len(pool.class_names),
            augmenter=layers.DetectionAugmenter(
                config.image_size,
                area_range=config.crop_area,
                flip_rate=config.flip_rate,
                color_strength=config.color_strength,
                grayscale_rate=config.grayscale_rate,
                mosaic_rate=config.mosaic,
                seed=config.seed,
            ),
            freeze_batch_norm=config.batch_norm == "frozen",
        )

    def mosaic_share(self, epochs, steps):
        is_long = epochs >= _LONG_EPOCHS and epochs * steps >= _LONG_STEPS
        return 1.0 if is_long else 0.5

    def pseudo_labels(self, pool):
        import numpy as np

        from ssl_voc import layers

        number = len(pool.class_names)
        exists = (pool.targets["classes"] >= 0) & ~pool.targets["difficult"]
        shown = pool.targets["classes"][exists].astype(int)
        return layers.ObjectPseudoLabels(
            number,
            max_objects=max(_LEAST_OBJECTS, 2 * pool.max_boxes),
            objects_per_photo=(
                np.bincount(shown, minlength=number) / len(pool)
            ).tolist(),
            empty_share=float((pool.targets["classes"] < 0).all(axis=1).mean()),
            name="pseudo_labels",
        )

    def compile_arguments(self, config, model):
        return {}

    def describe(self, model, pool):
        """Names the classes whose objects are small for the size, with a better one."""
        sides = median_sides(pool.targets, pool.class_names)
        for name, side in sides.items():
            if side < _LEAST_SIDE:
                size = math.ceil(pool.image_size * _LEAST_SIDE / side / 32) * 32
                print(
                    f"small: half of the {name} boxes are at most {side:.0f} px wide "
                    f"or high at {pool.image_size} px; at --image-size {size} they "
                    f"would be {_LEAST_SIDE} px",
                    flush=True,
                )
        return {"max_boxes": pool.max_boxes, "median_sides": sides}

    def rank(self, outputs):
        return {
            "boxes": outputs["boxes"],
            "scores": outputs["confidence"],
            "classes": outputs["classes"],
        }

    def fuse(self, answers):
        import numpy as np

        from ssl_voc.tasks.weighted_boxes_fusion import fuse_boxes

        names = ("boxes", "confidence", "classes")
        joined = {
            name: np.concatenate([answer[name] for answer in answers], axis=1)
            for name in names
        }
        num_photos, num_slots = answers[0]["classes"].shape
        fused = {
            "boxes": np.full((num_photos, num_slots, 4), -1.0),
            "confidence": np.full((num_photos, num_slots), -1.0),
            "classes": np.full((num_photos, num_slots), -1, "int32"),
            "num_detections": np.zeros(num_photos, "int32"),
        }
        for row in range(num_photos):
            exists = joined["classes"][row] >= 0
            parts = (joined[name][row][exists] for name in names)
            found = fuse_boxes(*parts, num_views=len(answers))
            number = min(len(found[0]), num_slots)
            for name, values in zip(names, found, strict=True):
                fused[name][row, :number] = values[:number]
            fused["num_detections"][row] = number
        return fused

    def classes_of(self, ranked, boxes):
        """The class of the most confident detection with IoU above 0.5."""
        import numpy as np

        from ssl_voc.boxes import box_ious

        finds = (ranked["classes"] >= 0) & (
            box_ious(boxes[:, None], ranked["boxes"]) > 0.5
        )
        best = np.where(finds, ranked["scores"], -1.0).argmax(axis=1)[:, None]
        classes = np.where(finds, ranked["classes"], -1)
        return np.take_along_axis(classes, best, axis=1)[:, 0]

    def probes(self, batches):
        from ssl_voc import callbacks

        return [callbacks.DetectionProbe(batches)]


def median_sides(targets, class_names):
    """Median of the shorter sides of each class's boxes, in pixels of the squares.

    Args:
        targets: Dictionary of arrays `"boxes"` `(n, m, 4)`, xyxy, and `"classes"`
            `(n, m)`, -1 where padded.
        class_names: Names of the classes, in the order of their indices.

    Returns:
        Dictionary from name to pixels, of the classes that have a box.
    """
    import numpy as np

    corners, classes = targets["boxes"], targets["classes"]
    shorter = np.minimum(
        corners[..., 2] - corners[..., 0], corners[..., 3] - corners[..., 1]
    )
    return {
        name: float(np.median(shorter[classes == label]))
        for label, name in enumerate(class_names)
        if np.any(classes == label)
    }
