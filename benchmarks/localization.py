"""Images per second of fine-tuning and prediction, beside a plain Keras model.

    python -m benchmarks.localization --data VOC_TREE [--image-size 96 160]

Ours is what `finetune` runs: `Localizer.fit` on batches of a prepared pool, with crops,
flips and color jitter of images and boxes on the accelerator, and `predict` on uint8
photos. Plain is what one would write first: `keras.Model.fit` of the same backbone with
mean pooling and two dense layers, class and box, on arrays in memory, without
augmentation. Both train all weights in float32 by AdamW on the same photos. They take
turns in one process, after a warm-up each, so that a change of the machine's mood meets
both.
"""

import argparse
import json

import keras
import numpy as np

import pipelines
import ssl_voc
from benchmarks.machine import describe_machine
from benchmarks.speeds import compare, take_turns
from ssl_voc import devices

NUM_PHOTOS = 256


def main(argv=None):
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--backbone", default="EfficientNetB1")
    parser.add_argument("--image-size", type=int, nargs="+", default=[96, 160])
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=12, help="timed steps in a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", help="file for all figures, json")
    options = parser.parse_args(argv)

    machine, rows = describe_machine(), []
    print(machine, flush=True)
    for image_size in options.image_size:
        row = {"image_size": image_size, **measure(options, image_size)}
        rows.append(row)
        for job in ("fit", "predict"):
            both = row[f"{job}_ours"], row[f"{job}_plain"]
            print(compare(f"{image_size} px {job:8}", *both, "plain"), flush=True)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump(
                {**vars(options), "machine": machine, "rows": rows}, file, indent=2
            )


def measure(options, image_size):
    """Images per second in each round: dictionary of lists."""
    photos = pipelines.read(options.data)[:NUM_PHOTOS]
    pool = pipelines.prepare_labeled(photos, image_size, main_object_only=True)
    batch = pool.gather(np.arange(len(pool)))
    images = batch["images"]
    jit_compile = devices.should_jit_compile("auto")
    ours = build_ours(options, pool, jit_compile)
    plain = build_plain(options, pool, jit_compile)
    batches = pool.dataset(options.batch_size, seed=0).map(
        lambda batch: {name: batch[name] for name in ("images", "bounding_boxes")}
    )
    targets = {
        "boxes": batch["bounding_boxes"]["boxes"][:, 0] / image_size,
        "classes": batch["bounding_boxes"]["classes"][:, 0],
    }
    shown = options.steps * options.batch_size
    indices = np.arange(shown) % len(pool)
    arrays = images[indices], {name: part[indices] for name, part in targets.items()}
    jobs = {
        "fit_ours": lambda: ours.fit(batches, steps_per_epoch=options.steps, verbose=0),
        "fit_plain": lambda: plain.fit(
            *arrays, batch_size=options.batch_size, verbose=0
        ),
        "predict_ours": lambda: ours.predict(
            images[indices], batch_size=options.batch_size, verbose=0
        ),
        "predict_plain": lambda: plain.predict(
            images[indices], batch_size=options.batch_size, verbose=0
        ),
    }
    return take_turns(jobs, shown, options.rounds)


def build_ours(options, pool, jit_compile):
    """A `Localizer` as `finetune` builds it."""
    model = ssl_voc.Localizer(
        ssl_voc.backbone(options.backbone, image_size=pool.image_size),
        len(pool.class_names),
        augmenter=ssl_voc.layers.LocalizationAugmenter(pool.image_size, seed=0),
    )
    model.build()
    model.compile(keras.optimizers.AdamW(1e-4), jit_compile=jit_compile)
    return model


def build_plain(options, pool, jit_compile):
    """The same backbone with mean pooling and two dense layers."""
    backbone = ssl_voc.backbone(options.backbone, image_size=pool.image_size)
    pooled = keras.layers.GlobalAveragePooling2D()(backbone.output)
    outputs = {
        "boxes": keras.layers.Dense(4, name="boxes")(pooled),
        "classes": keras.layers.Dense(len(pool.class_names), name="classes")(pooled),
    }
    model = keras.Model(backbone.input, outputs)
    losses = {
        "boxes": keras.losses.Huber(),
        "classes": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    }
    model.compile(keras.optimizers.AdamW(1e-4), loss=losses, jit_compile=jit_compile)
    return model


if __name__ == "__main__":
    main()
