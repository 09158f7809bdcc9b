"""Images per second of training and prediction, beside keras-cv's RetinaNet.

    python -m benchmarks.detection --data VOC_TREE [--image-size 160]

Ours is what `finetune --task detect` runs, but for mosaics: `Detector.fit` on batches
of a prepared pool, with crops, flips and color jitter of images and boxes on the
accelerator; it gives boxes from a score of 0.001 on, keras-cv's as its decoder
does by default.
keras-cv's is its own `RetinaNet` on the same `keras.applications` backbone, fitted to
the same photos from memory without augmentation, in the way of its guide. Both train
all weights in float32 by SGD. `ours_wide` is our detector with pyramid and heads as
wide and deep as keras-cv's (256 channels, 3 convolutions): the speed that is owed to
code, not to size. All take turns in one process after a warm-up each.
"""

import argparse
import functools
import json
import time

import keras
import numpy as np
import tensorflow as tf

import pipelines
import ssl_voc
from benchmarks.keras_cv_detector import AS_WIDE, build_retinanet
from benchmarks.machine import describe_machine
from benchmarks.speeds import compare, take_turns
from benchmarks.step_clock import StepClock
from ssl_voc import devices

NUM_PHOTOS = 256


def main(argv=None):
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--image-size", type=int, nargs="+", default=[160])
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=6, help="timed steps in a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", help="file for all figures, json")
    options = parser.parse_args(argv)

    machine, rows = describe_machine(), []
    print(machine, flush=True)
    for image_size in options.image_size:
        row = {"image_size": image_size, **measure(options, image_size)}
        rows.append(row)
        for job in ("fit", "predict"):
            for ours in ("ours", "ours_wide"):
                both = row[f"{job}_{ours}"], row[f"{job}_keras_cv"]
                title = f"{image_size} px {job:8}{ours:10}"
                print(compare(title, *both, "keras-cv"), flush=True)
        counts = ", ".join(f"{k} {v:,}" for k, v in row["num_parameters"].items())
        print(f"{image_size} px parameters: {counts}", flush=True)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump(
                {**vars(options), "machine": machine, "rows": rows}, file, indent=2
            )


def measure(options, image_size):
    """Images per second in each round, and how large the models are."""
    photos = pipelines.read(options.data)[:NUM_PHOTOS]
    pool = pipelines.prepare_labeled(photos, image_size)
    shown = options.steps * options.batch_size
    batch = pool.gather(np.arange(shown) % len(pool))
    images, targets = batch["images"], batch["bounding_boxes"]
    batches = pool.dataset(options.batch_size, seed=0).map(
        lambda b: {name: b[name] for name in ("images", "bounding_boxes", "difficult")}
    )
    models = {
        "ours": build_ours(pool),
        "ours_wide": build_ours(pool, **AS_WIDE),
        "keras_cv": build_peer(pool),
    }

    pixels = images.astype("float32")

    def fit(name):
        if name == "keras_cv":
            # A batch more than is timed: the first one.
            return seconds_of_fit(
                models[name],
                np.concatenate([pixels[: options.batch_size], pixels]),
                tf.nest.map_structure(
                    lambda part: np.concatenate([part[: options.batch_size], part]),
                    targets,
                ),
                batch_size=options.batch_size,
            )
        steps = 1 + options.steps
        return seconds_of_fit(models[name], batches, steps_per_epoch=steps)

    plain = tf.data.Options()
    plain.autotune.enabled = False  # its iterators may end late, see `Pool`
    seen = {
        kind: tf.data.Dataset.from_tensor_slices(part)
        .batch(options.batch_size)
        .with_options(plain)
        for kind, part in (("keras_cv", pixels), ("ours", images))
    }

    def predict(name):
        batches = seen["keras_cv" if name == "keras_cv" else "ours"]
        start = time.perf_counter()
        models[name].predict(batches, verbose=0)
        return time.perf_counter() - start

    jobs = {f"fit_{name}": functools.partial(fit, name) for name in models}
    jobs |= {f"predict_{name}": functools.partial(predict, name) for name in models}
    return {
        **take_turns(jobs, shown, options.rounds),
        "num_parameters": {
            name: model.count_params() for name, model in models.items()
        },
    }


def seconds_of_fit(model, *data, **arguments):
    """Seconds of all steps of one epoch but the first."""
    clock = StepClock(1)
    model.fit(*data, callbacks=[clock], verbose=0, **arguments)
    return clock.seconds


def build_ours(pool, **size):
    """A `Detector` as `finetune` builds it."""
    model = ssl_voc.Detector(
        ssl_voc.backbone("EfficientNetB1", image_size=pool.image_size),
        len(pool.class_names),
        augmenter=ssl_voc.layers.DetectionAugmenter(
            pool.image_size, mosaic_rate=0.0, seed=0
        ),
        **size,
    )
    model.build()
    model.compile(
        keras.optimizers.SGD(1e-4, global_clipnorm=10.0),
        jit_compile=devices.should_jit_compile("auto"),
    )
    return model


def build_peer(pool):
    """keras-cv's `RetinaNet` on the same backbone, compiled as its guide has it."""
    model = build_retinanet("EfficientNetB1", pool.image_size, len(pool.class_names))
    model.compile(
        box_loss="smoothl1",
        classification_loss="focal",
        optimizer=keras.optimizers.SGD(1e-4, global_clipnorm=10.0),
        jit_compile=devices.should_jit_compile("auto"),
    )
    return model


if __name__ == "__main__":
    main()
