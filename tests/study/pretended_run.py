"""Writes at once what a command of a cell would write after training.

    python pretended_run.py COMMAND RUN_FOLDER SCORE

Figures follow from the name of the cell alone, whoever runs it and when.
"""

import json
import os
import pathlib
import random
import signal
import sys
import time

NUM_PHOTOS = 40
# Long enough for a test to kill what waits for it.
SECONDS = 0.05


def main(command, run, score):
    run = pathlib.Path(run)
    if "TF_PRETENDED_SECONDS" in os.environ:
        wait_to_be_told(run, float(os.environ["TF_PRETENDED_SECONDS"]))
    time.sleep(SECONDS)
    if command == "evaluate":
        write_evaluation(run / "evaluation", run.parent.name, float(score))
        return
    run.mkdir(parents=True, exist_ok=True)
    if command == "explain":
        write_explanation(run)
    scores = {"val_top1": float(score), "val_mean_iou": float(score)}
    early = {name: 1.0 - value for name, value in scores.items()}  # no epoch counts it
    rows = [
        {"epoch": n, "loss": 1.0 / n, "seconds": 1.0, **found}
        for n, found in ((1, early), (2, scores), (3, scores), (4, scores))
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    manifest = {"num_training": 20, "steps_per_epoch": 4}
    (run / "manifest.json").write_text(json.dumps(manifest))
    for name in ("photos.tsv", "training_photos.tsv", "held_out_photos.tsv"):
        (run / name).write_text("image_id\tsource\tperceptual_hash\n")
    (run / "summary.json").write_text(json.dumps({"epoch": 1, **early}))


def wait_to_be_told(run, seconds):
    """Waits for a scheduler's signal, and leaves a note of it."""

    def end(*_):
        (run / "terminated").touch()
        sys.exit(3)

    signal.signal(signal.SIGTERM, end)
    run.mkdir(parents=True, exist_ok=True)
    (run / "began").touch()
    time.sleep(seconds)


def write_evaluation(folder, key, score):
    folder.mkdir(exist_ok=True)  # of a command that was interrupted
    noise = random.Random(key)
    ious = [
        min(1.0, max(0.0, score + (n / NUM_PHOTOS - 0.5) * 0.4 + noise.gauss(0, 0.02)))
        for n in range(NUM_PHOTOS)
    ]
    rows = [
        {
            "image_id": f"p{n}",
            "source": "set",
            "top1": 1.0,
            "mean_iou": iou,
            "loc_acc_50": float(iou > 0.5),
            "loc_acc_70": float(iou > 0.7),
        }
        for n, iou in enumerate(ious)
    ]
    (folder / "images.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (folder / "data_report.json").write_text('{"leakages": []}')
    whole = {
        name: sum(row[name] for row in rows) / NUM_PHOTOS
        for name in ("top1", "mean_iou", "loc_acc_50", "loc_acc_70")
    }
    group = {"num_images": NUM_PHOTOS, **whole}
    metrics = {
        "class_names": ["<cat>"],
        "num_images": NUM_PHOTOS,
        "num_leaked": 0,
        **whole,
        "per_class": {"<cat>": group},
        "per_size": {"large": group},
        "blind": {
            name: {"loc_acc_50": figure, "gain": gain, "gain_ci": [gain - 0.1, 1.0]}
            for name, figure in (("frequent_box", 0.3), ("gray_photos", 0.2))
            for gain in (whole["loc_acc_50"] - figure,)
        },
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))


def write_explanation(run):
    from PIL import Image

    Image.new("RGB", (60, 20), "gray").save(run / "gallery.png")
    side = {"energy": 0.5, "energy_ci": [0.4, 0.6]}
    gap = {"energy": 0.1, "energy_ci": [0.05, 0.2]}
    every = {"run": side, "baseline": side, "difference": gap}
    (run / "metrics.json").write_text(json.dumps({"all": every}))


if __name__ == "__main__":
    main(*sys.argv[1:])
