"""Seconds for the figures of a detector, beside pycocotools.

    python -m benchmarks.detection_metrics [--out FILE.json]

Ours is VOC07 and VOC10 average precision from one matching, and COCO's twelve figures
through faster-coco-eval, all from padded arrays. The peer is pycocotools alone: COCO's
twelve figures. It starts from the lists of boxes that its `loadRes` takes: making them
from arrays is not on its clock, though ours pays for it.

Images and detections are drawn from a seed, as a detector gives them: most lie near an
object, a third bears a class drawn blindly, confidence tells something of either. Both
take turns in one process after a warm-up on a tenth of the images; who begins changes.
That both come to the same figures is checked as well: `largest_difference`.
"""

import argparse
import contextlib
import gc
import importlib.metadata
import io
import json
import pathlib
import time

import numpy as np

from benchmarks.figures import spread
from benchmarks.machine import describe_machine
from ssl_voc.metrics import coco_average_precision, match_detections, score_matches

# In the order of pycocotools' `stats`.
COCO_FIGURES = (
    "coco_ap coco_ap50 coco_ap75 coco_ap_small coco_ap_medium coco_ap_large coco_ar1 "
    "coco_ar10 coco_ar100 coco_ar_small coco_ar_medium coco_ar_large"
).split()
PACKAGES = ("numpy", "faster-coco-eval", "pycocotools")


def main(argv=None):
    """Measures, prints a table, and writes every figure to a file if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--objects", type=int, default=7, help="of an image, mean")
    parser.add_argument("--detections", type=int, default=100, help="of an image, most")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=pathlib.Path, help="file for all figures, json")
    options = parser.parse_args(argv)
    for name in ("images", "classes", "objects", "detections", "rounds"):
        if getattr(options, name) < 1:
            parser.error(f"--{name}: expected 1 or more; got {getattr(options, name)}")

    report = measure(options)
    print_report(report)
    if options.out:
        options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def measure(options):
    """Runs all rounds; returns a dictionary of settings and results."""
    predictions, ground_truth = draw_detections(options)
    warm_up = [
        {name: values[: max(1, options.images // 10)] for name, values in side.items()}
        for side in (predictions, ground_truth)
    ]
    rounds, figures = [], {}
    for number in range(-1, options.rounds):
        sides = (predictions, ground_truth) if number >= 0 else warm_up
        seconds = {}
        for job in (JOBS, JOBS[::-1])[number % 2]:
            figures[job.__name__], parts = job(*sides, options.classes)
            seconds |= parts
        if number >= 0:
            rounds.append(seconds)
            told = "  ".join(f"{name} {value:.2f} s" for name, value in seconds.items())
            print(f"round {number + 1}: {told}", flush=True)
    ours, peer = (figures[job.__name__] for job in JOBS)
    differences = [abs(ours[name] - peer[name]) for name in COCO_FIGURES]
    return {
        "machine": describe_machine(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "settings": {
            name: getattr(options, name)
            for name in ("images", "classes", "objects", "detections", "seed")
        },
        "num_objects": int((ground_truth["classes"] >= 0).sum()),
        "num_detections": int((predictions["classes"] >= 0).sum()),
        "figures": ours,
        # Both nan where no object is of the kind.
        "largest_difference": float(np.nanmax(differences)),
        "rounds": rounds,
        **summarize(rounds),
    }


def summarize(rounds):
    """Medians and ranges of seconds, and how many times longer the peer takes.

    Args:
        rounds: List of dictionaries of seconds: `voc`, `coco` and `pycocotools`.

    Returns:
        Dictionary of `"seconds"` by name, `"ours"` being `voc` and `coco` together, and
        `"ratio"`, pycocotools over ours within each round; each
        `{"median", "low", "high"}`.
    """
    ours = [seconds["voc"] + seconds["coco"] for seconds in rounds]
    columns = {name: [seconds[name] for seconds in rounds] for name in rounds[0]}
    ratios = [
        peer / own for peer, own in zip(columns["pycocotools"], ours, strict=True)
    ]
    return {
        "seconds": {
            name: spread(values) for name, values in {**columns, "ours": ours}.items()
        },
        "ratio": spread(ratios),
    }


def evaluate_ours(predictions, ground_truth, num_classes):
    """Both protocols of VOC and COCO's: figures, and seconds of either."""
    with _stopwatch() as voc:
        matches = match_detections(predictions, ground_truth, num_classes=num_classes)
        figures = {
            f"{protocol}_ap50": score_matches(matches, protocol).mean
            for protocol in ("voc07", "voc10")
        }
    with _stopwatch() as coco:
        found = coco_average_precision(predictions, ground_truth, num_classes)
    figures |= {name: found[name] for name in COCO_FIGURES}
    return figures, {"voc": voc["seconds"], "coco": coco["seconds"]}


def evaluate_pycocotools(predictions, ground_truth, num_classes):
    """COCO's figures by pycocotools, and the seconds from its lists of boxes on."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO()
    annotations = _listed(ground_truth)
    for number, annotation in enumerate(annotations, start=1):
        _, _, width, height = annotation["bbox"]
        annotation |= {"id": number, "area": width * height, "iscrowd": 0}
    truth.dataset = {
        "images": [{"id": image} for image in range(len(ground_truth["classes"]))],
        "categories": [{"id": number} for number in range(num_classes)],
        "annotations": annotations,
    }
    results = _listed(predictions)
    with contextlib.redirect_stdout(io.StringIO()), _stopwatch() as watch:
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    stats = np.where(evaluation.stats < 0, np.nan, evaluation.stats).tolist()
    return dict(zip(COCO_FIGURES, stats, strict=True)), {
        "pycocotools": watch["seconds"]
    }


JOBS = (evaluate_ours, evaluate_pycocotools)


def draw_detections(options):
    """Predictions and truth as `match_detections` takes them, from the seed.

    Returns:
        Two dictionaries of padded arrays; images have 0 to twice `objects` objects with
        sides from 10 to 300 pixels, and 0 to `detections` detections.
    """
    random = np.random.default_rng(options.seed)
    most = 2 * options.objects
    shape = options.images, most
    classes = random.integers(0, options.classes, shape)
    sides = np.exp(random.uniform(np.log(10), np.log(300), (*shape, 2)))
    starts = random.uniform(0, 400, (*shape, 2))
    boxes = np.concatenate([starts, starts + sides], axis=-1)
    num_objects = random.integers(0, most + 1, (options.images, 1))

    shape = options.images, options.detections
    chosen = random.integers(0, np.maximum(num_objects, 1), shape)
    # From hardly moved to moved by half a side.
    error = random.uniform(0.01, 0.3, shape)
    moved = random.normal(0, 1, (*shape, 4)) * error[..., None]
    own = np.take_along_axis(sides, chosen[..., None], axis=1)
    found = np.take_along_axis(boxes, chosen[..., None], axis=1)
    found += moved * np.concatenate([own, own], axis=-1)
    wrong = random.random(shape) < 1 / 3
    labels = np.take_along_axis(classes, chosen, axis=1)
    labels = np.where(wrong, random.integers(0, options.classes, shape), labels)
    confidence = np.clip(0.8 - error - 0.2 * wrong, 0.05, 1) * random.random(shape)

    classes[np.arange(most) >= num_objects] = -1
    num_detections = random.integers(0, options.detections + 1, (options.images, 1))
    labels[np.arange(options.detections) >= num_detections] = -1
    predictions = {"boxes": found, "classes": labels, "confidence": confidence}
    return predictions, {"boxes": boxes, "classes": classes}


def print_report(report):
    """Prints a table of the medians, with their ranges over the rounds."""
    settings = report["settings"]
    print(
        f"\n{report['machine']}\n{settings['images']} images x {settings['classes']} "
        f"classes, {report['num_objects']} objects, "
        f"{report['num_detections']} detections"
    )
    for name, told in (
        ("voc", "VOC07 and VOC10, ours"),
        ("coco", "COCO, by faster-coco-eval"),
        ("ours", "all of ours"),
        ("pycocotools", "COCO, by pycocotools"),
    ):
        print(f"  {told:28}{_told(report['seconds'][name])} s")
    print(f"  {'pycocotools over ours':28}{_told(report['ratio'])}")
    print(f"  largest difference of COCO's figures: {report['largest_difference']:.1e}")


def _told(spread):
    return f"{spread['median']:7.2f}  ({spread['low']:.2f} to {spread['high']:.2f})"


def _listed(side):
    """One dictionary a box, as COCO's files hold them."""
    images, places = np.nonzero(side["classes"] >= 0)
    boxes = side["boxes"][images, places]
    boxes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    columns = {
        "image_id": images,
        "category_id": side["classes"][images, places],
        "bbox": boxes,
    }
    if "confidence" in side:
        columns["score"] = side["confidence"][images, places]
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


@contextlib.contextmanager
def _stopwatch():
    """Yields a dictionary that has `"seconds"` once the block is left."""
    # Nobody pays for what another left behind.
    gc.collect()
    watch = {}
    start = time.perf_counter()
    yield watch
    watch["seconds"] = time.perf_counter() - start


if __name__ == "__main__":
    main()
