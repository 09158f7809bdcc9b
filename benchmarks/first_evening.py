"""The first evening: ours and YOLO11n from random weights, in the same time.

    python -m benchmarks.first_evening --data kangaroo raccoon \
        --pretraining 15m --training 15m --peer-python .venv-yolo/bin/python \
        --out runs/first-evening

For each data set, one after the other: `pretrain` and `finetune --task detect` as a
user types them, with `--time`; then Ultralytics' YOLO11n from random weights, by its
own defaults but for the image size, the batch of 16 and photos that are loaded by the
process that trains, for the sum of both times, on the photos that our run learned from
and chose its epoch by (by those that it learned from where ours kept none back). Both
are measured by `evaluate`'s rules on the same held-out photos (those that `finetune`
held out, or the split `test` or `val`), and compared photo by photo (95 %, bootstrap
over photos).
Without `--peer-python` only ours runs. The peer wants an environment of its
own, see requirements.txt. With `--at-once` both train at the same time, the peer on
the `--threads` cores after ours, and from our first epoch with labels on: on a machine
with other work neither has the better hour.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np

import pipelines
from benchmarks.machine import describe_machine
from ssl_voc.cli.durations import parse_duration
from ssl_voc.evaluate.detection.blind_rows import MEASURE, PROTOCOL
from ssl_voc.evaluate.detection.matching import measure_detections
from ssl_voc.evaluate.detection.summary import NUM_RESAMPLES
from ssl_voc.metrics.average_precision_bootstrap import compare_average_precision
from ssl_voc.metrics.coco_evaluation import coco_average_precision
from ssl_voc.runs.finished_run import HELD_OUT_LIST, read_finished_run
from ssl_voc.runs.json_files import to_json
from ssl_voc.runs.start_rules import read_manifest

MAX_DETECTIONS = 100
PEER_BATCH = 16
ALL_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def main(argv=None):
    """Runs, compares and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", required=True, type=pathlib.Path)
    parser.add_argument("--pretraining", help="time, such as 15m; none without")
    parser.add_argument("--training", default="15m")
    parser.add_argument("--backbone", help="ours; by default that of the command")
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of both")
    parser.add_argument("--peer-python", type=pathlib.Path)
    parser.add_argument(
        "--peer-patience",
        type=int,
        default=100,
        help="epochs without a gain that end the peer's training; 100 is its default",
    )
    parser.add_argument("--at-once", action="store_true", help="train both together")
    parser.add_argument("--out", required=True, type=pathlib.Path)
    options = parser.parse_args(argv)
    if options.at_once and len(ALL_CORES) < 2 * options.threads:
        parser.error(f"--at-once: {2 * options.threads} cores are needed (Linux)")
    machine, report = describe_machine(), {}
    print(machine, flush=True)
    for data in options.data:
        report[data.name] = row = compare(options, data, options.out / data.name)
        print(data.name, to_json(row), flush=True)
        options.out.mkdir(parents=True, exist_ok=True)
        facts = {key: str(value) for key, value in vars(options).items()}
        report_of_all = {"machine": machine, "options": facts, "data": report}
        text = to_json(report_of_all, indent=2)
        (options.out / "first_evening.json").write_text(text + "\n", encoding="utf-8")


def compare(options, data, folder):
    """Trains both on one data set; returns the figures."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        ours = pool.submit(on_cores, 0, options, train_ours, data, folder)
        if options.peer_python and options.at_once:
            # From its first epoch on our run has told which photos it learns from.
            while not (folder / "detector" / "metrics.jsonl").exists():
                if ours.done():
                    ours.result()
                time.sleep(1)
            on_cores(1, options, train_peer, data, folder)
        row = ours.result()
    if options.peer_python:
        if not options.at_once:
            on_cores(0, options, train_peer, data, folder)
        row |= judge_peer(options, data, folder)
    return row


def on_cores(place, options, function, data, folder):
    """Calls a function; on Linux its commands have the cores of a place, 0 or 1."""
    if ALL_CORES:
        first = place * options.threads
        # Of this thread and of what it starts.
        os.sched_setaffinity(0, ALL_CORES[first : first + options.threads])
    return function(options, data, folder)


def train_ours(options, data, folder):
    """Trains and measures our detector; returns its figures, if need be from before."""
    done = folder / "ours.json"
    given = {
        name: getattr(options, name)
        for name in (
            *("pretraining", "training", "backbone", "image_size", "seed"),
            *("threads", "at_once"),
        )
    }
    if done.exists():
        found = json.loads(done.read_text())
        if found.pop("options") != given:
            sys.exit(f"{done} is of other options: choose another --out")
        return found
    shared = [f"--data={data}", f"--seed={options.seed}"]
    # By default ours would begin with ImageNet's weights where they can be had.
    start = ["--weights=none"]
    if options.backbone:
        start.append(f"--backbone={options.backbone}")
    began = time.monotonic()
    if options.pretraining:
        run_command(
            "pretrain",
            *shared,
            *start,
            f"--time={options.pretraining}",
            f"--out={folder / 'pretraining'}",
        )
        start = [f"--weights={folder / 'pretraining'}"]
    detector = folder / "detector"
    run_command(
        "finetune",
        "--task=detect",
        *shared,
        *start,
        f"--image-size={options.image_size}",
        f"--time={options.training}",
        f"--out={detector}",
    )
    minutes = (time.monotonic() - began) / 60
    split = held_out_split(detector, data)
    flags = [f"--out={folder / 'evaluation'}"] + [f"--split={split}"] * bool(split)
    run_command("evaluate", str(detector), *flags)
    metrics = json.loads((folder / "evaluation" / "metrics.json").read_text())
    row = {
        "num_photos": metrics["num_images"],
        "ours_minutes": minutes,
        "ours": {name: metrics[name] for name in (MEASURE, f"{MEASURE}_ci", "coco_ap")},
        "blind": metrics["blind"],
    }
    done.write_text(to_json({**row, "options": given}), encoding="utf-8")
    return row


def run_command(command, *flags):
    """Runs one of our commands, and prints it."""
    words = [sys.executable, "-m", f"ssl_voc.{command}", *flags]
    print("$", *words[1:], flush=True)
    subprocess.run(words, check=True)


def held_out_split(detector, data):
    """Name of the split to measure on; None where the run held photos out itself."""
    if (detector / HELD_OUT_LIST).exists():
        return None
    return next(name for name in ("test", "val") if name in pipelines.splits(str(data)))


def train_peer(options, data, folder):
    """Trains the peer on the photos of our run; it predicts the held-out ones."""
    detector = folder / "detector"
    photos = read_photos(detector, data)
    yolo = folder / "yolo"
    write_yolo(yolo, photos, read_manifest(detector)["class_names"])
    seconds = sum(
        parse_duration(text) for text in (options.pretraining, options.training) if text
    )
    task = {
        "data": str((yolo / "data.yaml").resolve()),
        "images": [str(path) for path in sorted((yolo / "images/held_out").iterdir())],
        "image_size": options.image_size,
        "batch_size": PEER_BATCH,
        "hours": seconds / 3600,
        "seed": options.seed,
        "threads": options.threads,
        "patience": options.peer_patience,
        "max_detections": MAX_DETECTIONS,
        "out": str((folder / "peer").resolve()),
    }
    (folder / "peer.json").write_text(json.dumps(task), encoding="utf-8")
    began = time.monotonic()
    subprocess.run(
        [options.peer_python, "-m", "benchmarks.yolo_worker", folder / "peer.json"],
        check=True,
    )
    minutes = (time.monotonic() - began) / 60
    (folder / "peer" / "minutes.json").write_text(to_json(minutes), encoding="utf-8")


def judge_peer(options, data, folder):
    """Measures what the peer predicted; returns its figures and the gain of ours."""
    finished = read_finished_run(folder / "detector")
    held_out = read_photos(finished.path, data)["held_out"]
    found = json.loads((folder / "peer" / "predictions.json").read_text())
    rows = (
        our_detections(folder / "evaluation", held_out),
        found["photos"],
        found["gray"],
    )
    every = [measure_rows(held_out, finished.class_names, part) for part in rows]
    means, limits, gains = compare_average_precision(
        [each.matches for each in every], PROTOCOL, NUM_RESAMPLES, options.seed
    )
    coco = coco_average_precision(
        every[1].predictions, every[1].ground_truth, len(finished.class_names)
    )
    return {
        "peer_minutes": json.loads((folder / "peer" / "minutes.json").read_text()),
        "peer_batches": found["batches"],
        "peer_epochs": found["epochs"],
        "peer_best_epoch": found["best_epoch"],
        "peer_threads": found["threads"],
        "peer": {
            MEASURE: means[1],
            f"{MEASURE}_ci": limits[:, 1],
            "coco_ap": coco["coco_ap"],
        },
        "peer_gray": {MEASURE: means[2], f"{MEASURE}_ci": limits[:, 2]},
        "gain": means[0] - means[1],
        "gain_ci": gains[:, 1],
    }


def read_photos(detector, data):
    """The photos of our run, begun or finished, by the set: their sizes are true."""
    manifest = read_manifest(detector)
    held_out = held_out_split(detector, data)
    found = {}
    for part in ("training", "validation", "held_out"):
        table = detector / f"{part}_photos.tsv"
        split = held_out if part == "held_out" else None
        if split is None and not table.exists():
            continue
        photos = pipelines.read([str(data)], split)
        if split is None:
            photos = pipelines.select_photos(photos, pipelines.read_photo_table(table))
        found[part] = pipelines.prepare_labeled(
            photos, manifest["image_size"], class_names=manifest["class_names"]
        ).photos
    return found


def write_yolo(folder, photos, class_names):
    """Writes the photos and boxes as Ultralytics reads them."""
    shutil.rmtree(folder, ignore_errors=True)
    for part, chosen in photos.items():
        images, labels = folder / "images" / part, folder / "labels" / part
        images.mkdir(parents=True)
        labels.mkdir(parents=True)
        for number, photo in enumerate(chosen):
            stem = f"{number:05d}"
            (images / f"{stem}.jpg").write_bytes(photo.load())
            lines = []
            for item in photo.objects:
                x1, y1, x2, y2 = item.box
                x, width = (x1 + x2) / 2 / photo.width, (x2 - x1) / photo.width
                y, height = (y1 + y2) / 2 / photo.height, (y2 - y1) / photo.height
                label = class_names.index(item.name)
                lines.append(f"{label} {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n")
            (labels / f"{stem}.txt").write_text("".join(lines))
    names = "".join(f"  {n}: {name}\n" for n, name in enumerate(class_names))
    (folder / "data.yaml").write_text(
        f"path: {folder.resolve()}\ntrain: images/training\n"
        f"val: images/{'validation' if 'validation' in photos else 'training'}\n"
        f"names:\n{names}"
    )


def our_detections(evaluation, photos):
    """Rows `[class, score, x1, y1, x2, y2]` of each photo, of `predictions.json`."""
    rows = {photo.image_id: [] for photo in photos}
    for row in json.loads((evaluation / "predictions.json").read_text()):
        x, y, width, height = row["bbox"]
        box = [x, y, x + width, y + height]
        rows[row["image_id"]].append([row["category_id"], row["score"], *box])
    return [rows[photo.image_id] for photo in photos]


def measure_rows(photos, class_names, rows):
    """`Detections` of a detector, given as `our_detections` gives them."""
    most = max(1, *map(len, rows))
    table = np.full((len(rows), most, 6), -1.0)
    for number, found in enumerate(rows):
        table[number, : len(found)] = np.reshape(found, (-1, 6))
    predicted = {
        "classes": table[..., 0].astype("int64"),
        "confidence": table[..., 1],
        "boxes": table[..., 2:],
    }
    return measure_detections(photos, class_names, predicted)


if __name__ == "__main__":
    main()
