"""Is one detector better than another? Paired intervals from their evaluations.

    python -m benchmarks.compare_detectors --ours RUN/evaluation [...] \
        --theirs RUN/evaluation [...] --out comparison.json

Each side is one folder that `evaluate` wrote, or one a seed, all of the same photos.
Figures are pooled over the seeds of a side. Intervals are 95 % bootstraps over photos,
the same photos for both sides: they speak of other photos of the same kind, for these
seeds.
"""

import argparse
import json
import pathlib

import numpy as np

from ssl_voc.cli.errors import BadInput
from ssl_voc.evaluate.detection.matching import IOU_THRESHOLD
from ssl_voc.metrics.average_precision import (
    mean_of_classes,
    weighted_average_precision,
)
from ssl_voc.metrics.bootstrap import central_limits, resample
from ssl_voc.metrics.box_rows import BoxRows
from ssl_voc.metrics.detection_matching import Matches
from ssl_voc.runs.json_files import read_jsonl, to_json

NUM_RESAMPLES = 10_000
COCO = ("coco_ap", "coco_ap50", "coco_ap75")


def main(argv=None):
    """Compares and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for side in ("--ours", "--theirs"):
        parser.add_argument(side, type=pathlib.Path, nargs="+", required=True)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args(argv)
    report = compare(options.ours, options.theirs)
    for name, figure in report["figures"].items():
        line = f"{name:10}  ours {figure['ours']:.3f}  theirs {figure['theirs']:.3f}"
        if "difference" in figure:
            low, high = figure["ci"]
            line += f"  {figure['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"
        print(line)
    if options.out:
        options.out.write_text(to_json(report, indent=2) + "\n", encoding="utf-8")


def compare(ours, theirs):
    """The comparison of two lists of folders, as a dictionary."""
    metrics = {
        folder: json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        for folder in (*ours, *theirs)
    }
    class_names = metrics[ours[0]]["class_names"]
    matches, photos = {}, None
    for folder in metrics:
        keys, matches[folder] = read_image_matches(folder, class_names)
        photos = photos or keys
        if keys != photos:
            raise SystemExit(f"{folder} is of other photos than {ours[0]}")
    figures = {}
    for protocol in ("voc07", "voc10"):
        name = f"{protocol}_ap50"
        sides = [[matches[folder] for folder in side] for side in (ours, theirs)]
        difference, interval = paired_difference(*sides, protocol, NUM_RESAMPLES)
        figures[name] = {
            **_means(metrics, ours, theirs, name),
            "difference": difference,
            "ci": interval,
        }
    for name in COCO:
        figures[name] = _means(metrics, ours, theirs, name)
    return {
        "ours": [str(folder) for folder in ours],
        "theirs": [str(folder) for folder in theirs],
        "num_images": len(photos),
        "class_names": class_names,
        "figures": figures,
    }


def paired_difference(ours, theirs, protocol, num_resamples, seed=0):
    """Difference of two detectors' VOC AP, and its bootstrap interval.

    Every resample holds the same images for both, so what makes an image easy or hard
    for both cancels, and the interval is tighter than two separate ones let expect.
    Runs of a side (seeds of training) are drawn alike, too, and averaged.

    Args:
        ours: List of `Matches`, one a run.
        theirs: The other detector's, of the same images and objects in the same order.
        protocol: See `score_matches`.
        num_resamples: Number of resamples.
        seed: Integer; the same seed gives the same interval.

    Returns:
        Ours less theirs, 0 for identical ones, and the 95 % interval `[low, high]`.

    Raises:
        ValueError: when the images or objects differ.
    """
    first, runs = ours[0], [*ours, *theirs]
    for other in runs:
        pairs = (
            (first.num_images, other.num_images),
            (first.objects.images, other.objects.images),
            (first.objects.classes, other.objects.classes),
            (first.difficult, other.difficult),
        )
        if not all(np.array_equal(*pair) for pair in pairs):
            raise ValueError("Runs are compared on the same images and objects.")

    def pooled(side, weights):
        averages = (weighted_average_precision(m, weights, protocol) for m in side)
        return sum(mean_of_classes(average) for average in averages) / len(side)

    def difference(weights):
        return pooled(ours, weights) - pooled(theirs, weights)

    num_images = first.num_images
    longest = max(len(rows) for run in runs for rows in [*run.by_class, ()])
    random = np.random.default_rng(seed)
    drawn = resample(difference, random, num_images, num_resamples, longest)
    limits = central_limits(drawn[:, None], 0.025)[:, 0]
    return float(difference(np.ones((1, num_images)))[0]), limits.tolist()


def read_image_matches(folder, class_names):
    """Reads `images.jsonl` of a detector's evaluation, to be compared with another's.

    Args:
        folder: Path of the folder that `evaluate` wrote.
        class_names: Names of the classes, as its `metrics.json` lists them.

    Returns:
        `(keys, matches)`: a list of (source, image id), and `Matches` of these photos
        whose detections have no boxes (nan), for `score_matches` and
        `paired_difference`.

    Raises:
        BadInput: when the file is damaged or of another task.
    """
    path = folder / "images.jsonl"
    photos = read_jsonl(path)
    try:
        return _matches_of(photos, list(class_names))
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(
            f"{path}: expected the photos of an evaluation of task detect with classes "
            f"{', '.join(class_names)}; got a row without {error}. Evaluate again."
        ) from error


def _matches_of(photos, class_names):
    parts = {
        kind: [
            (image, place, item)
            for image, photo in enumerate(photos)
            for place, item in enumerate(photo[kind])
        ]
        for kind in ("objects", "detections")
    }

    def rows_of(kind):
        items = parts[kind]
        most = max((place + 1 for _, place, _ in items), default=0)
        return BoxRows(
            np.array([item["box"] for *_, item in items], "float64").reshape(-1, 4)
            if kind == "objects"
            else np.full((len(items), 4), np.nan),
            np.array([class_names.index(i["class"]) for *_, i in items], "int64"),
            np.array([image for image, *_ in items], "int64"),
            np.array([place for _, place, _ in items], "int64"),
            (len(photos), most),
        )

    first = np.cumsum([0] + [len(photo["objects"]) for photo in photos])
    detections = [(image, item) for image, _, item in parts["detections"]]
    matches = Matches(
        detections=rows_of("detections"),
        confidence=np.array([item["score"] for _, item in detections], "float64"),
        objects=rows_of("objects"),
        difficult=np.array([i["difficult"] for *_, i in parts["objects"]], "bool"),
        matched=np.array(
            [
                -1 if item["object"] is None else first[image] + item["object"]
                for image, item in detections
            ],
            "int64",
        ),
        ious=np.array([item["iou"] for _, item in detections], "float64"),
        # The order on difficult objects changes no measure.
        claims=np.array([item["outcome"] == "true" for _, item in detections], "bool"),
        num_classes=len(class_names),
        iou_threshold=IOU_THRESHOLD,
        across_classes=False,
    )
    return [(photo["source"], photo["image_id"]) for photo in photos], matches


def _means(metrics, ours, theirs, name):
    return {
        side: sum(metrics[folder][name] for folder in folders) / len(folders)
        for side, folders in (("ours", ours), ("theirs", theirs))
    }


if __name__ == "__main__":
    main()
