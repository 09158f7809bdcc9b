"""Which optimizer leaves the chance level of NT-Xent fastest, from random weights?

    python -m benchmarks.leaving_chance --data PHOTOS [--data PHOTOS] --out FILE.json

Trains EfficientNetB1 from the same random weights on the same batches and views for a
fixed number of steps with every optimizer and learning rate below (warm-up 5 %, then
a cosine over four times as many steps), and prints the loss as a share of chance,
averaged over each quarter. Rows that differ by less than 0.02 do not differ: another
rounding of the same run moves that much.
About 1.5 minutes a row on two CPU cores at 64 px.
"""

import argparse
import json

import keras
import numpy as np

import pipelines
import ssl_voc
from ssl_voc import devices
from ssl_voc.optimizers import schedule
from ssl_voc.pretrain.config import WEIGHT_DECAYS

# Optimizer and peak learning rate per 256 images.
CANDIDATES = (
    ("sgd", 0.3),
    ("sgd", 1.0),
    ("sgd", 3.0),
    ("lars", 3.0),
    ("lars", 12.0),
    ("adamw", 1e-3),
    ("adamw", 4e-3),
)


def main(argv=None):
    """Runs the trials and prints one row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--backbone", default="EfficientNetB1")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=56)
    parser.add_argument("--out")
    options = parser.parse_args(argv)
    if options.steps < 4:
        parser.error(f"--steps: expected 4 or more, one a quarter, got {options.steps}")

    pool = pipelines.prepare(options.data, round(options.image_size * 7 / 6))
    rows = []
    for name, learning_rate in CANDIDATES:
        quarters = train(pool, options, name, learning_rate)
        rows.append(
            {
                "optimizer": name,
                "learning_rate_per_256": learning_rate,
                "loss_over_chance_by_quarter": quarters,
            }
        )
        figures = "  ".join(f"{value:.3f}" for value in quarters)
        print(f"{name:6} {learning_rate:<7g} {figures}", flush=True)
        if options.out:
            with open(options.out, "w", encoding="utf-8") as file:
                json.dump({**vars(options), "rows": rows}, file, indent=2)


def train(pool, options, optimizer, learning_rate):
    """Mean loss over chance in each quarter of the steps, as a list of 4 floats."""
    keras.utils.set_random_seed(0)
    model = ssl_voc.ContrastiveModel(
        ssl_voc.backbone(options.backbone, image_size=options.image_size),
        ssl_voc.layers.SimCLRAugmenter(
            options.image_size,
            area_range=(0.2, 1.0),
            color_strength=0.5,
            blur_rate=0.0,
            seed=0,
        ),
    )
    model.compile(
        optimizer=schedule.build_optimizer(
            optimizer,
            learning_rate,
            WEIGHT_DECAYS[optimizer],
            options.batch_size,
            total_steps=4 * options.steps,
            warmup_share=0.05,
        ),
        loss=ssl_voc.losses.NTXentLoss(0.15),
        jit_compile=devices.should_jit_compile("auto"),
    )
    batches = pool.batches(options.batch_size, seed=0)
    quarter = options.steps // 4
    losses = []
    for _ in range(4):
        model.reset_metrics()
        for _ in range(quarter):
            logs = model.train_on_batch(next(batches), return_dict=True)
        losses.append(float(np.asarray(logs["loss_over_chance"])))
    return losses


if __name__ == "__main__":
    main()
