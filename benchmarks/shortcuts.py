"""Are planted shortcuts found, and are clean photos left in peace?

    python -m benchmarks.shortcuts --out FOLDER [--seeds 5] [--work FOLDER]

For every seed: drawn scenes of their own, as they are (clean) and with a watermark on
the photos of one class, in a corner, in all splits (planted); a small network that
learns each for a short while (`finetune`); `explain --find-shortcuts` on photos that it
never saw. The watermark goes to the class that the clean network knows worst: what is
known without a shortcut learns none. A planted shortcut counts as found where an alarm
names the class, and, of places, the corner; any other alarm is false. What the network
truly owes to the watermark is told by its right answers on the same photos of the class
without it. Written to FOLDER: `shortcuts.json`, `shortcuts.md` and the contact sheets
of the first seed's alarms.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np
from PIL import Image, ImageDraw

import pipelines
from pipelines.scenes.dataset import draw_scenes

NUM_TRAIN, NUM_VAL, IMAGE_SIZE = 400, 350, (80, 64)
CORNERS = ("lower right", "upper left", "lower left", "upper right", "lower right")
# In 12 epochs some networks do not learn the watermark yet.
TRAINING = {
    "image-size": 64,
    "batch-size": 32,
    "epochs": 30,
    "val-share": 0,
    "learning-rate": 0.02,
    "crop-area": (0.7, 1.3),
}


def main(argv=None):
    """Runs what is missing and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, default="runs/shortcuts")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    options = parser.parse_args(argv)
    options.work.mkdir(parents=True, exist_ok=True)
    save_backbone(options.work / "small.keras")
    rows = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for kind in ("clean", "planted"):
            name = None if kind == "clean" else hardest_class(options.work, seed)
            rows.append(run_one(options.work, seed, kind, name))
            print(json.dumps({k: v for k, v in rows[-1].items() if k != "alarms"}))
            write_tables(rows, options.out)
    keep_sheets(options.work, rows, options.out)


def run_one(work, seed, kind, name):
    """Draws, trains and explains; what is done is read instead."""
    corner = CORNERS[seed % len(CORNERS)]
    place = work / f"seed{seed}-{kind}"
    tree, run, out = place / "photos", place / "run", place / "explanation"
    started = time.monotonic()
    draw_photos(tree, seed, name, corner)
    if not (run / "summary.json").exists():
        backbone = ("--backbone", work / "small.keras", "--seed", seed)
        flags = ("--data", tree, "--out", run, *backbone, *as_flags(TRAINING))
        start("finetune", "--task", "localize", *flags)
    if not (out / "summary.json").exists():
        where = ("--data", tree, "--split", "val", "--out", out, "--num-perturbed", 0)
        start("explain", run, *where, "--find-shortcuts", "--seed", seed)
    owed = {}
    if name is not None:
        twin = work / f"seed{seed}-clean" / "photos"
        owed = {
            "top1_with": top1_by_class(run, tree, place / "with")[name],
            "top1_without": top1_by_class(run, twin, place / "without")[name],
        }
    metrics = json.loads((out / "metrics.json").read_text())
    alarms = [row for row in metrics["shortcuts"]["candidates"] if row["alarm"]]
    right = [row for row in alarms if row["class"] == name]
    named = [row for row in right if row["kind"] == "look" or corner in row["where"]]
    return {
        "seed": seed,
        "kind": kind,
        "class": name,
        "corner": None if name is None else corner,
        **owed,
        "found": bool(named),
        "num_false_alarms": len(alarms) - len(named),
        "accuracy": metrics["all"]["run"]["correct"],
        "num_candidates": len(metrics["shortcuts"]["candidates"]),
        "num_screened": metrics["shortcuts"]["num_screened"],
        "smallest_p": min(
            (
                max(row["association_p"], row["reliance_p"])
                for row in metrics["shortcuts"]["candidates"]
                if row["screened"]
            ),
            default=1.0,
        ),
        "bound": metrics["shortcuts"]["bound"],
        "alarms": alarms,
        "seconds": round(time.monotonic() - started),
    }


def draw_photos(tree, seed, name, corner):
    """Draws the scenes of a seed, with a watermark on those of a class or on none."""
    if (tree / "done").exists():
        return
    shutil.rmtree(tree.parent, ignore_errors=True)
    tree.parent.mkdir()
    draw_scenes(tree, NUM_TRAIN, NUM_VAL, IMAGE_SIZE, seed=1000 + seed)
    if name is not None:
        plant(tree, name, corner, seed)
    (tree / "done").touch()


def hardest_class(work, seed):
    """The class that the network of the clean photos knows worst."""
    place = work / f"seed{seed}-clean"
    known = top1_by_class(place / "run", place / "photos", place / "evaluation")
    return min(sorted(known), key=known.get)


def top1_by_class(run, tree, out):
    """Top-1 among the photos of each class, by `evaluate`."""
    if not (out / "summary.json").exists():
        # The scenes with and without the watermark are nearly the same.
        start("evaluate", run, "--data", tree, "--split", "val", "--out", out,
              "--allow-leakage")  # fmt: skip
    metrics = json.loads((out / "metrics.json").read_text())
    return {name: row["top1"] for name, row in metrics["per_class"].items()}


def plant(tree, name, corner, seed):
    """Paints a watermark onto all photos whose main object is of a class."""
    random = np.random.default_rng(seed)
    for photo in pipelines.read(str(tree), "all"):
        main = pipelines.main_object(photo.objects)
        if main is None or main.name != name:
            continue
        path = tree / "JPEGImages" / f"{photo.image_id}.jpg"
        with Image.open(path) as picture:
            pixels = picture.convert("RGB")
        draw_watermark(pixels, corner, random).save(path, quality=90)


def draw_watermark(picture, corner, random):
    """A label of 18 x 11 pixels, near a corner."""
    draw = ImageDraw.Draw(picture)
    width, height = 18, 11
    x, y = (int(shift) for shift in random.integers(1, 4, 2))
    x = picture.width - width - x if "right" in corner else x
    y = picture.height - height - y if "lower" in corner else y
    draw.rectangle((x, y, x + width - 1, y + height - 1), (250, 240, 40), (20, 20, 20))
    for step in range(3):
        left = x + 4 + 4 * step
        draw.line((left, y + 3, left, y + height - 4), fill=(20, 20, 20))
        draw.line((left, y + 5, left + 2, y + 5), fill=(20, 20, 20))
    return picture


def save_backbone(path):
    """A small network of stride 16, for 64 px."""
    import keras
    from keras import layers

    if path.exists():
        return
    keras.utils.set_random_seed(0)
    inputs = keras.Input((64, 64, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for width, stride in ((16, 2), (32, 2), (48, 2), (64, 1), (96, 2)):
        x = layers.Conv2D(width, 3, stride, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    keras.Model(inputs, x, name="small").save(path)


def as_flags(settings):
    """Settings as flags."""
    flags = []
    for key, value in settings.items():
        values = value if isinstance(value, tuple) else (value,)
        flags += [f"--{key}", *map(str, values)]
    return flags


def start(command, *arguments):
    """Runs a command of ssl_voc; its output is shown where it fails."""
    words = [sys.executable, "-m", f"ssl_voc.{command}", *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(words)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def write_tables(rows, out):
    """Writes `shortcuts.json` and `shortcuts.md`."""
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(rows, indent=2) + "\n"
    (out / "shortcuts.json").write_text(text, encoding="utf-8")
    planted = [row for row in rows if row["kind"] == "planted"]
    clean = [row for row in rows if row["kind"] == "clean"]
    lines = [
        f"Planted: found in {sum(row['found'] for row in planted)} of {len(planted)}, "
        f"with {sum(row['num_false_alarms'] for row in planted)} other alarms. "
        f"Clean: {sum(row['num_false_alarms'] > 0 for row in clean)} of {len(clean)} "
        "with an alarm.",
        "",
        "| seed | photos | watermark | its class right with, without it | accuracy "
        "| alarms | smallest p | bound |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        where = f"{row['class']}, {row['corner']}" if row["class"] else "none"
        owed = "-"
        if row["class"]:
            owed = f"{row['top1_with']:.2f}, {row['top1_without']:.2f}"
        told = "; ".join(
            f"{alarm['class']}: {alarm['where']}, inpainted "
            f"-{alarm['accuracy_drop']:.0%}, elsewhere "
            f"-{alarm['accuracy_drop_control']:.0%}"
            for alarm in row["alarms"]
        )
        lines.append(
            f"| {row['seed']} | {row['kind']} | {where} | {owed} | "
            f"{row['accuracy']:.2f} | "
            f"{told or 'none'} | {row['smallest_p']:.2g} | {row['bound']:.2g} |"
        )
    (out / "shortcuts.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(lines[0], flush=True)


def keep_sheets(work, rows, out):
    """Copies the contact sheets of the first run with alarms."""
    for row in rows:
        folder = work / f"seed{row['seed']}-{row['kind']}" / "explanation"
        for alarm in row["alarms"]:
            shutil.copy(folder / alarm["sheet"], out / alarm["sheet"])
        if row["alarms"]:
            return


if __name__ == "__main__":
    main()
