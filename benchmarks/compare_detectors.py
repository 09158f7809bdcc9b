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

from ssl_voc.evaluate.detection.image_matches import read_image_matches
from ssl_voc.metrics.average_precision_bootstrap import paired_average_precision
from ssl_voc.runs.json_files import to_json

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
        found = paired_average_precision(*sides, protocol, NUM_RESAMPLES)
        figures[name] = {
            **_means(metrics, ours, theirs, name),
            "difference": found.mean,
            "ci": [found.low, found.high],
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


def _means(metrics, ours, theirs, name):
    return {
        side: sum(metrics[folder][name] for folder in folders) / len(folders)
        for side, folders in (("ours", ours), ("theirs", theirs))
    }


if __name__ == "__main__":
    main()
