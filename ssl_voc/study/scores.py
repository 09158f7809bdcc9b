"""Scores of an arm's runs on the reported photos, photo by photo and seed by seed."""

import json

import numpy as np

from ssl_voc.cli.errors import BadInput
from ssl_voc.evaluate.detection.image_matches import read_image_matches
from ssl_voc.evaluate.localization.image_measures import read_image_measures
from ssl_voc.metrics import bootstrap_interval, paired_bootstrap, score_matches
from ssl_voc.metrics.average_precision_bootstrap import paired_average_precision

NUM_RESAMPLES = 2_000


class Scores:
    """What the runs of one arm at one share of the labels scored.

    Intervals are 95 % bootstraps over the photos and, of several seeds, over these too:
    they speak of other photos of the same kind and of other seeds.

    Attributes:
        labels: What tables call each measure, the main one first.

    Args:
        evaluations: Dictionary from seed to the folder that `evaluate` wrote.
    """

    labels = {}

    def __init__(self, evaluations):
        self.metrics = {
            seed: json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
            for seed, folder in evaluations.items()
        }
        self.keys, self.runs = None, {}
        for seed, folder in evaluations.items():
            keys, self.runs[seed] = self.read(folder)
            if self.keys not in (None, keys):
                raise BadInput(f"{folder}: of other photos than the other runs.")
            self.keys = keys

    @property
    def seeds(self):
        """Seeds whose runs are done."""
        return sorted(self.runs)

    def read(self, folder):
        """`(keys, values)` of one run's evaluation."""
        raise NotImplementedError

    def measures(self):
        """Names of the measures that say something, the main one first."""
        return list(self.labels)

    def by_seed(self, measure):
        """The measure of each run, in the order of `seeds`."""
        return [self.metrics[seed][measure] for seed in self.seeds]

    def interval(self, measure):
        """`Interval` of the measure, all seeds together."""
        raise NotImplementedError

    def difference(self, other, measure):
        """`Interval` of this arm less another, of the seeds that both have.

        Raises:
            BadInput: when the photos differ, or no seed is common.
        """
        seeds = [seed for seed in self.seeds if seed in other.runs]
        if not seeds or self.keys != other.keys:
            raise BadInput("runs of other photos or seeds cannot be compared")
        return self.paired(
            [self.runs[seed] for seed in seeds],
            [other.runs[seed] for seed in seeds],
            measure,
        )

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

    def read(self, folder):
        return read_image_measures(folder)

    def measures(self):
        classes = next(iter(self.metrics.values()))["class_names"]
        # Of one class, top-1 is right whatever is answered.
        return [name for name in self.labels if name != "top1" or len(classes) > 1]

    def interval(self, measure):
        values = np.stack([self.runs[seed][measure] for seed in self.seeds])
        return bootstrap_interval(
            values, num_resamples=NUM_RESAMPLES, resample_runs=len(values) > 1
        )

    def paired(self, ours, theirs, measure):
        return paired_bootstrap(
            np.stack([run[measure] for run in ours]),
            np.stack([run[measure] for run in theirs]),
            num_resamples=NUM_RESAMPLES,
            resample_runs=len(ours) > 1,
        )


class DetectorScores(Scores):
    """Scores of detectors: average precision, means over seeds."""

    labels = {"voc10_ap50": "VOC10 AP50", "voc07_ap50": "VOC07 AP50"}

    def read(self, folder):
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        return read_image_matches(folder, metrics["class_names"])

    def by_seed(self, measure):
        protocol = measure.removesuffix("_ap50")
        return [score_matches(self.runs[s], protocol).mean for s in self.seeds]

    def interval(self, measure):
        return self.paired([self.runs[seed] for seed in self.seeds], [], measure)

    def paired(self, ours, theirs, measure):
        return paired_average_precision(
            ours,
            theirs,
            measure.removesuffix("_ap50"),
            NUM_RESAMPLES,
            resample_runs=len(ours) > 1,
        )


SCORES = {"localize": LocalizerScores, "detect": DetectorScores}
