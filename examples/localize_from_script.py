"""Fits a localizer from a script of your own: photos with boxes in, a model out.

    python -m examples.localize_from_script VOC2007 --weights runs/photos --epochs 20

DATA is a VOC tree, a COCO json beside its photos, `scenes` or another source that
`pipelines.read` understands; photos of its train list are learned from. A fit like this
chooses nothing and reports nothing: the `finetune` and `evaluate` commands add splits,
checkpoints, leakage checks and intervals.
"""

import argparse

import keras
import numpy as np

import pipelines
import ssl_voc


def main(argv=None):
    """Fits, saves, reloads and asks the model about a photo."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--backbone", default="EfficientNetB1")
    parser.add_argument("--weights", help="what a pretraining left, or imagenet")
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--out", default="model.keras")
    options = parser.parse_args(argv)

    photos = pipelines.prepare_labeled(
        options.data, options.image_size, main_object_only=True
    )
    model = ssl_voc.Localizer(
        ssl_voc.backbone(
            options.backbone, image_size=options.image_size, weights=options.weights
        ),
        num_classes=len(photos.class_names),
        augmenter=ssl_voc.layers.LocalizationAugmenter(options.image_size),
    )
    model.compile(
        # The head is new, the backbone need not be.
        optimizer=ssl_voc.optimizers.DiscriminativeAdamW(
            1e-3, factors={"": 0.3, "localization_head": 1.0}
        ),
        metrics={
            "boxes": [ssl_voc.metrics.MeanBoxIoU()],
            "classes": [keras.metrics.SparseCategoricalAccuracy(name="top1")],
        },
    )
    model.fit(
        photos.dataset(options.batch_size, seed=0),
        steps_per_epoch=photos.steps_per_epoch(options.batch_size),
        epochs=options.epochs,
    )
    model.save(options.out)

    model = ssl_voc.load_model(options.out)
    batch = photos.gather(np.arange(1))
    found = model.predict(batch["images"], verbose=0)
    # From pixels of the letterboxed square to those of the photo.
    box = pipelines.boxes_from_letterbox(
        found["boxes"][0], batch["original_size"][0], options.image_size
    )[0]
    name = photos.class_names[found["classes"][0, 0]]
    corners = " ".join(f"{corner:.0f}" for corner in box)
    print(f"{photos.photos[0].image_id}: {name} at {corners}")


if __name__ == "__main__":
    main()
