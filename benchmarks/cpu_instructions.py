"""Does oneDNN pay on this CPU? Training steps with it and without, in turns.

    python -m benchmarks.cpu_instructions [--imitate-avx2] [--out FILE.json]

TensorFlow has two sets of CPU kernels, and takes oneDNN's by default only on CPUs with
instructions for neural networks: most servers, few desktops. Here each of both is a
process with `TF_ENABLE_ONEDNN_OPTS` set, for the train step of `pretrain` and of
`finetune --task detect` on pixels in memory. The processes take turns, the others
stopped by a signal meanwhile. A busy machine disturbs the seconds by the clock; those
of the CPU, over all threads, less.

`--imitate-avx2` adds both with `ONEDNN_MAX_CPU_ISA=AVX2`: oneDNN, and the matrix
products that TensorFlow leaves to it either way, then use no AVX-512. Other code is
compiled for all CPUs alike. It stands for a CPU with AVX2 alone, but is none.
"""

import argparse
import functools
import json
import statistics
import sys

from benchmarks.figures import spread
from benchmarks.machine import describe_machine
from benchmarks.worker import measure_in_turns, serve

ONEDNN = {"off": "0", "on": "1"}
# Task, backbone, image size, batch size.
WORKLOADS = (
    ("pretrain", "EfficientNetB1", 64, 32),
    ("pretrain", "EfficientNetB1", 96, 32),
    ("detect", "EfficientNetB0", 160, 16),
)


class StepWorker:
    """A train step on pixels in memory.

    Args:
        task: `"pretrain"` or `"detect"`.
        backbone: Name of the backbone.
        image_size: Side of views or photos in pixels.
        batch_size: Number of photos in a step.
    """

    def __init__(self, task, backbone, image_size, batch_size):
        import keras
        import tensorflow as tf

        import ssl_voc

        keras.utils.set_random_seed(0)
        network = ssl_voc.backbone(backbone, image_size=image_size)
        build = {"pretrain": _build_contrastive, "detect": _build_detector}[task]
        self.model, batch = build(network, image_size, batch_size)
        self.batches = tf.data.Dataset.from_tensors(batch).repeat()
        self.train(1)

    def train(self, num_steps):
        """What `time_steps` gives."""
        from benchmarks.step_clock import time_steps

        return time_steps(functools.partial(self.model.fit, self.batches), num_steps)


def _build_contrastive(network, image_size, batch_size):
    import keras
    import numpy as np

    import ssl_voc

    model = ssl_voc.ContrastiveModel(
        network,
        ssl_voc.layers.SimCLRAugmenter(
            image_size,
            area_range=(0.2, 1.0),
            color_strength=0.5,
            blur_rate=0.5,
            seed=0,
        ),
        ssl_voc.layers.ProjectionHead(512, 128, num_layers=2),
    )
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        loss=ssl_voc.losses.NTXentLoss(0.15),
        metrics=[ssl_voc.metrics.ContrastiveAccuracy()],
        jit_compile=False,
    )
    side = round(image_size * 7 / 6)
    shape = (batch_size, side, side, 3)
    return model, np.random.default_rng(0).integers(0, 256, shape, "uint8")


def _build_detector(network, image_size, batch_size):
    import keras
    import numpy as np

    import ssl_voc

    augmenter = ssl_voc.layers.DetectionAugmenter(image_size, mosaic_rate=0.5, seed=0)
    model = ssl_voc.Detector(network, 3, augmenter=augmenter)
    model.build()
    model.compile(keras.optimizers.SGD(1e-4, global_clipnorm=10.0), jit_compile=False)
    random = np.random.default_rng(0)
    starts = random.uniform(0, image_size / 2, (batch_size, 4, 2))
    ends = starts + random.uniform(20, image_size / 2, (batch_size, 4, 2))
    shape = (batch_size, image_size, image_size, 3)
    return model, {
        "images": random.integers(0, 256, shape, "uint8"),
        "bounding_boxes": {
            "boxes": np.concatenate([starts, ends], axis=-1).astype("float32"),
            "classes": random.integers(0, 3, (batch_size, 4)).astype("float32"),
        },
        "difficult": np.zeros((batch_size, 4), "bool"),
    }


def main(argv=None):
    """Measures and prints a line a workload."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--imitate-avx2", action="store_true")
    parser.add_argument("--steps", type=int, default=3, help="timed steps in a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", help="file for all figures, json")
    options = parser.parse_args(argv)
    kinds = {"this CPU": {}}
    if options.imitate_avx2:
        kinds["AVX2 imitated"] = {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    machine, rows = describe_machine(), []
    print(machine, flush=True)
    for workload in WORKLOADS:
        rounds = measure(workload, kinds, options.steps, options.rounds)
        for kind in kinds:
            row = summarize([turns[kind] for turns in rounds])
            rows.append({"workload": workload, "kind": kind, **row})
            print(format_row(rows[-1]), flush=True)
        if options.out:
            with open(options.out, "w", encoding="utf-8") as file:
                json.dump({"machine": machine, "rows": rows}, file, indent=2)


def measure(workload, kinds, num_steps, num_rounds):
    """Times one workload under every kind of CPU, oneDNN on and off.

    Returns:
        List with an entry a round: dictionary by kind of CPU, then by `"on"` and
        `"off"`, to what `StepWorker.train` returns.
    """
    arguments = dict(
        zip(("task", "backbone", "image_size", "batch_size"), workload, strict=True)
    )
    rows = {
        (kind, name): (arguments, {"TF_ENABLE_ONEDNN_OPTS": value, **environment})
        for kind, environment in kinds.items()
        for name, value in ONEDNN.items()
    }
    return [
        {kind: {name: turns[kind, name] for name in ONEDNN} for kind in kinds}
        for turns in measure_in_turns(__spec__.name, rows, num_steps, num_rounds)
    ]


def summarize(rounds):
    """How many times as fast oneDNN is: medians over the rounds, and their range.

    Args:
        rounds: List of dictionaries from `"on"` and `"off"` to seconds of a step.
    """
    row = {"rounds": rounds}
    for unit in ("seconds", "cpu_seconds"):
        ratios = [turns["off"][unit] / turns["on"][unit] for turns in rounds]
        row[f"gain_{unit}"] = spread(ratios)
    return row


def format_row(row):
    """One line: the speeds, and how many times as fast oneDNN is."""
    task, backbone, image_size, batch_size = row["workload"]
    speeds = {
        name: batch_size / statistics.median(t[name]["seconds"] for t in row["rounds"])
        for name in ONEDNN
    }
    gains = [
        f"{row[f'gain_{unit}']['median']:.2f} ({row[f'gain_{unit}']['low']:.2f} to "
        f"{row[f'gain_{unit}']['high']:.2f}) by {clock}"
        for unit, clock in (("seconds", "the clock"), ("cpu_seconds", "CPU time"))
    ]
    return (
        f"{row['kind']:14} {task:8} {backbone} {image_size} px: {speeds['off']:.1f} a "
        f"second without oneDNN, {speeds['on']:.1f} with it; {', '.join(gains)}"
    )


if __name__ == "__main__":
    # A worker has its arguments as one line of JSON.
    if len(sys.argv) == 2 and sys.argv[1].startswith("{"):
        serve(StepWorker, sys.argv[1])
    else:
        main()
