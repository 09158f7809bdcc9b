"""Seconds and memory of heat maps: the maps alone, nothing measured or drawn.

    python -m benchmarks.heat_maps --data VOC_TREE [--out FILE]

A localizer of random weights (they do not change the work) explains the true class of
every photo, batch by batch, as `explain` does: Grad-CAM at the last feature map and
LayerCAM at stride 16. Photos beyond those of the data are the same ones again. Memory
is the process' peak, read after the first fifth and at the end of each method: flat, if
it does not follow the number of photos.
"""

import argparse
import json
import time

import numpy as np

import pipelines
import ssl_voc
from benchmarks.machine import describe_machine
from benchmarks.worker import peak_memory_gib

BATCH_SIZE = 16
METHODS = {
    "gradcam": {"method": "gradcam"},
    "layercam_stride_16": {"method": "layercam", "layer": 16},
}


def main(argv=None):
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--backbone", default="EfficientNetB1")
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--num-images", type=int, default=500)
    parser.add_argument("--out", help="file for all figures, json")
    options = parser.parse_args(argv)

    photos = pipelines.read(options.data)[: options.num_images]
    pool = pipelines.prepare_labeled(photos, options.image_size, main_object_only=True)
    backbone = ssl_voc.backbone(options.backbone, image_size=options.image_size)
    model = ssl_voc.Localizer(backbone, len(pool.class_names))
    machine = describe_machine()
    print(machine, flush=True)
    report = vars(options) | {"batch_size": BATCH_SIZE, "machine": machine}
    for name, flags in METHODS.items():
        report[name] = row = measure(model, pool, options.num_images, flags)
        print(
            f"{name:20}{row['seconds']:7.1f} s for {options.num_images} maps; peak "
            f"{row['peak_gib_after_a_fifth']:.2f} GiB after a fifth, "
            f"{row['peak_gib']:.2f} GiB at the end",
            flush=True,
        )
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)


def measure(model, pool, num_images, flags):
    """Seconds after a first batch, and the process' peak memory on the way."""
    order = np.arange(num_images) % len(pool)
    explain(model, pool, order[:BATCH_SIZE], flags)
    fifth = max(1, num_images // 5)
    start = time.perf_counter()
    explain(model, pool, order[:fifth], flags)
    after_a_fifth = peak_memory_gib()
    explain(model, pool, order[fifth:], flags)
    return {
        "seconds": time.perf_counter() - start,
        "peak_gib_after_a_fifth": after_a_fifth,
        "peak_gib": peak_memory_gib(),
    }


def explain(model, pool, indices, flags):
    """Makes a map of each photo and keeps none."""
    for start in range(0, len(indices), BATCH_SIZE):
        batch = pool.gather(indices[start : start + BATCH_SIZE])
        classes = batch["bounding_boxes"]["classes"][:, 0].astype("int64")
        ssl_voc.grad_cam(
            model,
            batch["images"],
            classes,
            normalize=False,
            batch_size=BATCH_SIZE,
            **flags,
        )


if __name__ == "__main__":
    main()
