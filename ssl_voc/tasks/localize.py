"""The task `localize`: class and box of the main object."""

from ssl_voc.tasks.base import Task


class LocalizeTask(Task):
    """The class and the box of the main object of each photo."""

    name = "localize"
    answer = "one box for the main object of a photo, and a score for each class"
    evaluation = "localization"
    main_object_only = True
    defaults = {
        "image_size": 128,
        "batch_size": 32,
        "learning_rate": 8e-3,
        "weight_decay": 0.05,
        "crop_area": (0.4, 1.3),
    }
    # The head divides the image evenly among its cells.
    image_size_step = 32
    settings = ("overlap",)
    heads = ("localization_head",)
    scored = ("val_top1", "val_mean_iou")
    shown = ("loss", "top1", "mean_iou", *scored)
    panels = (
        (("loss", "val_loss"), "loss"),
        (("top1", "val_top1"), "top-1 accuracy"),
        (("mean_iou", "val_mean_iou"), "mean IoU"),
        (("loc_acc_50", "val_loc_acc_50", "val_loc_acc_70"), "LocAcc"),
    )
    measures = {
        "top1": "top-1",
        "mean_iou": "mean IoU",
        "loc_acc_50": "LocAcc@0.5",
        "loc_acc_70": "LocAcc@0.7",
    }
    fusion = (
        "mean of the boxes that most views agree on, at IoU 0.55, and of the class "
        "probabilities"
    )

    def build_model(self, backbone, config, pool):
        from ssl_voc import layers, models

        return models.Localizer(
            backbone,
            len(pool.class_names),
            augmenter=layers.LocalizationAugmenter(
                config.image_size,
                area_range=config.crop_area,
                flip_rate=config.flip_rate,
                color_strength=config.color_strength,
                grayscale_rate=config.grayscale_rate,
                seed=config.seed,
            ),
            freeze_batch_norm=config.batch_norm == "frozen",
        )

    def pseudo_labels(self, pool):
        from ssl_voc import layers

        return layers.MainObjectPseudoLabels(
            len(pool.class_names), name="pseudo_labels"
        )

    def compile_arguments(self, config, model):
        import keras

        from ssl_voc import losses, metrics

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

    def rank(self, outputs):
        from keras import ops

        scores, classes = ops.top_k(outputs["scores"], k=outputs["scores"].shape[1])
        return {"boxes": outputs["boxes"], "scores": scores, "classes": classes}

    def fuse(self, answers):
        import numpy as np

        from ssl_voc.tasks.weighted_boxes_fusion import fuse_boxes

        number = len(answers)
        views = np.stack([answer["boxes"][:, 0] for answer in answers], axis=1)
        # Scored alike: the box that most views agree on comes first.
        alike = np.ones(number), np.zeros(number), number
        scores = np.mean(
            [np.asarray(answer["scores"], "float64") for answer in answers], axis=0
        )
        return {
            "boxes": np.stack([fuse_boxes(boxes, *alike)[0][:1] for boxes in views]),
            "classes": np.argmax(scores, axis=1)[:, None].astype("int32"),
            "confidence": np.max(scores, axis=1, keepdims=True),
            "scores": scores,
        }

    def classes_of(self, ranked, boxes):
        return ranked["classes"][:, 0]

    def model_inputs(self, batch):
        """All objects: the largest of what a crop shows is learned."""
        objects = {**batch["all_objects"]}
        return {
            "images": batch["images"],
            "difficult": objects.pop("difficult"),
            "bounding_boxes": objects,
        }

    def rename(self, logs):
        """`val_boxes_mean_iou` is `val_mean_iou`."""
        for name in [*logs]:
            short = name.replace("boxes_mean_iou", "mean_iou")
            short = short.replace("boxes_loc_acc", "loc_acc")
            short = short.replace("classes_top1", "top1")
            if short != name:
                logs[short] = logs.pop(name)
