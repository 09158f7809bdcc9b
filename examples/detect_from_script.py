"""Fits a detector from a script of your own: photos with boxes in, a model out.

    python -m examples.detect_from_script VOC2007 --weights runs/photos --epochs 30

DATA is what `examples.localize_from_script` takes; photos of its train list are learned
from, and average precision is measured after every epoch on those of `--val-split`. A
detector wants some 1,500 steps: with 160 photos that is `--epochs 150`.
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
    parser.add_argument("--val-split", help="photos to measure on, such as val")
    parser.add_argument("--backbone", default="EfficientNetB1")
    parser.add_argument("--weights", help="what a pretraining left, or imagenet")
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--out", default="model.keras")
    options = parser.parse_args(argv)

    size = options.image_size
    photos = pipelines.prepare_labeled(options.data, size)
    model = ssl_voc.Detector(
        ssl_voc.backbone(options.backbone, image_size=size, weights=options.weights),
        num_classes=len(photos.class_names),
        augmenter=ssl_voc.layers.DetectionAugmenter(size),
    )
    model.compile(keras.optimizers.AdamW(1e-3, global_clipnorm=10.0))
    callbacks = []
    if options.val_split:
        measured = pipelines.prepare_labeled(
            options.data,
            size,
            split=options.val_split,
            class_names=photos.class_names,
        )
        batches = measured.evaluation_dataset(64)
        callbacks.append(ssl_voc.callbacks.DetectionProbe(batches))
    model.fit(
        photos.dataset(options.batch_size, seed=0),
        steps_per_epoch=photos.steps_per_epoch(options.batch_size),
        epochs=options.epochs,
        shuffle=False,  # the order is the data set's
        callbacks=callbacks,
    )
    model.save(options.out)

    model = ssl_voc.load_model(options.out)
    batch = photos.gather(np.arange(1))
    found = model.predict(batch["images"], verbose=0)
    # From pixels of the letterboxed square to those of the photo.
    boxes = pipelines.boxes_from_letterbox(
        found["boxes"], batch["original_size"], options.image_size
    )[0]
    for box, label, confidence in zip(
        boxes, found["classes"][0], found["confidence"][0], strict=True
    ):
        if confidence >= 0.3:
            corners = " ".join(f"{corner:.0f}" for corner in box)
            name = photos.class_names[label]
            print(f"{photos.photos[0].image_id}: {name} {confidence:.2f} at {corners}")


if __name__ == "__main__":
    main()
