"""Scores of an arm's runs on the reported photos, photo by photo and seed by seed."""

import dataclasses

import numpy as np

from ssl_voc.cli.errors import BadInput
from ssl_voc.evaluate.detection import blind_rows as blind_detections
from ssl_voc.evaluate.detection.image_matches import read_image_matches
from ssl_voc.evaluate.localization import blind_rows as blind_localizations
from ssl_voc.evaluate.localization.image_measures import read_image_measures
from ssl_voc.metrics import bootstrap_interval, paired_bootstrap, score_matches
from ssl_voc.metrics.average_precision_bootstrap import paired_average_precision
from ssl_voc.runs.json_files import read_json, read_jsonl

NUM_RESAMPLES = 2_000


class Scores:
    """What the runs of one arm at one share of the labels scored.

    Intervals are 95 % bootstraps over the photos, which several seeds widen: they speak
    of other photos of the same kind and of other seeds, see `over_runs`.

    Attributes:
        labels: What tables call each measure, the main one first.
        blind_measure: Name of the measure that blind answers are compared by.

    Args:
        evaluations: Dictionary from seed to the folder that `evaluate` wrote.
        kept: List of (source, image id): photos that all of them have.
    """

    labels = {}
    blind_measure = ""

    def __init__(self, evaluations, kept):
        self.metrics = {
            seed: read_json(folder / "metrics.json")
            for seed, folder in evaluations.items()
        }
        self.num_images, self.runs = len(kept), {}
        for seed, folder in evaluations.items():
            self.runs[seed] = self.read(folder, kept)

    @property
    def seeds(self):
        """Seeds whose runs are done."""
        return sorted(self.runs)

    def read(self, folder, kept):
        """What one run's evaluation tells of the photos."""
        raise NotImplementedError

    def measures(self):
        """Names of the measures that say something, the main one first."""
        return list(self.labels)

    def by_seed(self, measure):
        """The measure of each run, in the order of `seeds`."""
        raise NotImplementedError

    def interval(self, measure):
        """`Interval` of the measure, all seeds together."""
        raise NotImplementedError

    def difference(self, other, measure):
        """`Interval` of this arm less another, of the seeds that both have."""
        seeds = [seed for seed in self.seeds if seed in other.runs]
        found = self.paired(
            [self.runs[seed] for seed in seeds],
            [other.runs[seed] for seed in seeds],
            measure,
        )
        return _within(found, -1.0)

    def paired(self, ours, theirs, measure):
        """`Interval` of the difference of runs, pair by pair."""
        raise NotImplementedError


class LocalizerScores(Scores):
    """Scores of localizers: means over photos."""

    labels = {
        "mean_iou": "mean IoU",
        "loc_acc_50": "LocAcc@0.5",
        "loc_acc_70": "LocAcc@0.7",
        "top1": "top-1",
    }
    blind_measure = blind_localizations.MEASURE

    def read(self, folder, kept):
        return read_image_measures(folder, kept)[1]

    def by_seed(self, measure):
        return [float(np.nanmean(self.runs[seed][measure])) for seed in self.seeds]

    def measures(self):
        classes = next(iter(self.metrics.values()))["class_names"]
        # Of one class, top-1 is right whatever is answered.
        return [name for name in self.labels if name != "top1" or len(classes) > 1]

    def interval(self, measure):
        values = np.stack([self.runs[seed][measure] for seed in self.seeds])
        found = bootstrap_interval(
            values, num_resamples=NUM_RESAMPLES, covers_runs=True
        )
        return _within(found, 0.0)

    def paired(self, ours, theirs, measure):
        return paired_bootstrap(
            np.stack([run[measure] for run in ours]),
            np.stack([run[measure] for run in theirs]),
            num_resamples=NUM_RESAMPLES,
            covers_runs=True,
        )


class DetectorScores(Scores):
    """Scores of detectors: average precision, means over seeds."""

    labels = {"voc10_ap50": "VOC10 AP50", "voc07_ap50": "VOC07 AP50"}
    blind_measure = blind_detections.MEASURE

    def read(self, folder, kept):
        metrics = read_json(folder / "metrics.json")
        return read_image_matches(folder, metrics["class_names"], kept)[1]

    def by_seed(self, measure):
        protocol = measure.removesuffix("_ap50")
        return [score_matches(self.runs[s], protocol).mean for s in self.seeds]

    def interval(self, measure):
        runs = [self.runs[seed] for seed in self.seeds]
        return _within(self.paired(runs, [], measure), 0.0)

    def paired(self, ours, theirs, measure):
        return paired_average_precision(
            ours,
            theirs,
            measure.removesuffix("_ap50"),
            NUM_RESAMPLES,
            covers_runs=True,
        )


def _within(interval, least):
    """An interval cut to what the measure, or a difference of two, can be."""
    low, high = np.clip((interval.low, interval.high), least, 1.0)
    return dataclasses.replace(interval, low=float(low), high=float(high))


def common_photos(folders):
    """The photos that every evaluation has, as a list of (source, image id).

    They are in the order of the first one: of equal scores the first photo counts
    first. Those are left out that any run saw with their labels, in nearly this form.

    Args:
        folders: List of folders that `evaluate` wrote.

    Raises:
        BadInput: when no photo is common.
    """
    found = [*map(_unseen_photos, folders)]
    every = set.intersection(*map(set, found)) if found else set()
    common = [photo for photo in found[0] if photo in every] if found else []
    if found and not common:
        raise BadInput(
            f"{folders[0]} and others have no photo in common that no run saw with its "
            "labels, in nearly this form. Evaluate all on the same other photos."
        )
    return common


def _unseen_photos(folder):
    report = read_json(folder / "data_report.json")
    seen = {
        photo["index"]
        for part in report["leakages"]
        if part["labelled"]
        for photo in part["photos"]
    }
    rows = read_jsonl(folder / "images.jsonl")
    return [(r["source"], r["image_id"]) for i, r in enumerate(rows) if i not in seen]


SCORES = {"localize": LocalizerScores, "detect": DetectorScores}
