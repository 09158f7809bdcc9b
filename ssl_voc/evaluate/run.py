"""Base class of evaluations: photos, leakage, predictions and files."""

from pathlib import Path

import keras
import numpy as np

import pipelines
from pipelines.images.resizing import Letterboxing
from pipelines.photos.photo import main_object
from pipelines.pools.preparation import prepare_images, usable_photos
from pipelines.pools.usable_objects import UNKNOWN_CLASS, box_class_names
from pipelines.readers.sources import is_path
from ssl_voc.cli.errors import BadInput
from ssl_voc.evaluate.config import HELD_OUT
from ssl_voc.evaluate.splits_of_run import read_photos
from ssl_voc.predict.finished_model import boxes_in_photos, load_finished_model
from ssl_voc.predict.test_time_augmentation import AugmentedPredictor
from ssl_voc.runs.finished_run import (
    PRETRAINING_LIST,
    PRETRAINING_UNLABELED_LIST,
    TRAINING_LIST,
    UNLABELED_LIST,
    VALIDATION_LIST,
)
from ssl_voc.runs.json_files import to_json
from ssl_voc.runs.progress_bar import progress_bar
from ssl_voc.tasks import task_of

# Lists of a run folder whose photos its model has seen, and in what role.
SEEN = {
    TRAINING_LIST: "trained on",
    UNLABELED_LIST: "learned from without boxes (--unlabeled)",
    VALIDATION_LIST: "used to choose the epoch",
    PRETRAINING_LIST: "pretrained on with labels",
}


class EvaluationRun:
    """What evaluations of all tasks share: photos, leakage, predictions, records.

    A subclass measures and draws what its task predicts.

    Args:
        config: An `EvaluateConfig`, resolved.
        finished: The `FinishedRun` to evaluate.
        folder: The `RunFolder` to write to.

    Raises:
        BadInput: when photos were seen in training.
        ValueError, OSError: when photos or model cannot be used.
    """

    # Counts in the metrics that a person is told of unless they are 0, with the words;
    # other metrics may be named in braces.
    counts = {}
    # The measure that tells in one number how good a model is.
    main_measure = ""

    def __init__(self, config, finished, folder):
        self.config, self.finished, self.folder = config, finished, folder
        self.task = task_of(finished)
        self.pool = self._prepare()
        folder.write_text("skipped.txt", pipelines.problem_table(self.pool.skipped))
        self.report = self._refuse_leakage()
        print("loading the model", flush=True)
        self.model = load_finished_model(finished)
        self.prediction_views = None
        if config.tta:
            self.prediction_views = AugmentedPredictor(
                self.model,
                self.task,
                self.pool.image_size,
                finished.learned_mirrored,
                min(config.batch_size, len(self.pool)),
            )

    @property
    def main_object_only(self):
        """Whether a photo has one target, its main object."""
        return self.task.main_object_only

    def finish(self):
        """Predicts, measures and writes everything; returns the metrics."""
        predicted = self.predict()
        print("measuring", flush=True)
        metrics = {**self.measure(predicted), **self._facts()}
        if self.prediction_views is not None:
            views = {"views": self.prediction_views.protocol}
            metrics["protocol"] = {**metrics["protocol"], **views}
        self.folder.write_json("metrics.json", metrics)
        self.folder.discard_replaced()
        print("drawing", flush=True)
        self.draw(metrics)
        self.folder.finish(
            {key: item for key, item in metrics.items() if not isinstance(item, dict)}
        )
        return metrics

    def measure(self, predicted):
        """Writes what was predicted; returns the figures."""
        raise NotImplementedError

    def draw(self, metrics):
        """Draws what `measure` has measured."""
        raise NotImplementedError

    @staticmethod
    def measure_ranked(photos, class_names, ranked):
        """`main_measure` of what `Task.rank` gives, boxes in pixels of the photos."""
        raise NotImplementedError

    def describe(self, metrics):
        """The figures as text, and the names of the pictures."""
        raise NotImplementedError

    def predict_flags(self, metrics):
        """Flags by which `predict` gives what the figures are of, after a space."""
        return ""

    def count_classes(self, predicted):
        """Number of classes that the model tells apart."""
        raise NotImplementedError

    def predict(self):
        """What the model gives for all photos, as a dictionary of arrays.

        Boxes are xyxy in pixels of the photos, float64 `(n, D, 4)`, clipped.
        """
        size = self.config.batch_size
        progress = progress_bar("predicting")
        num_photos = len(self.pool)
        progress(0, num_photos)

        def advance(batch, logs=None):
            progress(min(num_photos, (batch + 1) * size), num_photos)

        ask = self._predict_views if self.prediction_views else self._predict_once
        try:
            predicted = ask(size, advance)
        except Exception as error:
            # Under tf.data, `predict` raises another error than the photos did.
            failure = self.pool.failure or error
            if isinstance(failure, pipelines.UnreadableImage):
                raise BadInput(f"--data: {failure}") from error
            raise
        num_classes = self.count_classes(predicted)
        if num_classes != len(self.pool.class_names):
            raise BadInput(
                f"RUN: {self.finished.path / 'model.keras'} scores {num_classes} "
                f"classes, but manifest.json names {len(self.pool.class_names)}."
            )
        return predicted

    def _predict_once(self, size, advance):
        if keras.backend.backend() == "tensorflow":
            batches = self.pool.evaluation_dataset(size).map(lambda b: b["images"])
        else:
            batches = ((b["images"],) for b in self.pool.evaluation_batches(size))
        predicted = self.model.predict(
            batches,
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_predict_batch_end=advance)],
        )
        return {**predicted, "boxes": self._in_photos(predicted["boxes"])}

    def _predict_views(self, size, advance):
        pool, answers = self.pool, []
        others = [self._at_size(side) for side in self.prediction_views.image_sizes[1:]]
        batches = [item.evaluation_batches(size) for item in (pool, *others)]
        for number, (batch, *others) in enumerate(zip(*batches, strict=True)):
            squares = batch["images"], *others
            answers.append(
                self.prediction_views.predict(squares, batch["original_size"])
            )
            advance(number)
        return keras.tree.map_structure(
            lambda *values: np.concatenate(values), *answers
        )

    def _at_size(self, side):
        """The photos letterboxed to another size, as a `pipelines.Pool`."""
        resizing = Letterboxing(side)
        readable, _, images, skipped = prepare_images(
            self.pool.photos,
            resizing,
            self.config.cache,
            progress=progress_bar(f"preparing photos of {side} px"),
        )
        if skipped:  # was readable when the first size was prepared
            raise BadInput(f"--data: {skipped[0]}")
        return pipelines.Pool(readable, resizing, self.pool.hashes, images)

    def training_photos(self):
        """The `pipelines.Photos` that the model learned from; None if not at hand.

        Their boxes and sizes are those that it learned, see `usable_photos`.
        """
        finished = self.finished
        try:
            for source in finished.data:
                if not is_path(source) and source not in self.config.data:
                    raise ValueError(f"{source} may have to be downloaded")
            photos = pipelines.read_labeled(
                [*finished.data], finished.settings.get("train_split")
            )
            table = pipelines.read_photo_table(finished.path / TRAINING_LIST)
            photos = pipelines.select_photos(photos, table)
        except (OSError, ValueError) as error:
            print(f"the photos that were trained on are not at hand: {error}")
            return None
        photos = usable_photos(photos, finished.class_names)
        if not any(main_object(photo.objects) for photo in photos):
            print("the photos that were trained on have no box that can be used")
        return photos

    def write_records(self, results, rows):
        """Writes `predictions.json` and, a line each, the rows of `images.jsonl`."""
        self.folder.write_json("predictions.json", results)
        text = "".join(to_json(row) + "\n" for row in rows)
        self.folder.write_text("images.jsonl", text)

    def format_summary(self, metrics):
        """What a person wants to know at the end, as text."""
        folder = self.folder.path
        lines = ["", f"{metrics['num_images']} photos of {self.pool.photos.name}"]
        lines[-1] += f" ({self.config.split})" * bool(self.config.split)
        lines[-1] += ", several views of each (--tta)" * self.config.tta
        counts = {
            **{key: text.format_map(metrics) for key, text in self.counts.items()},
            "num_skipped": f"unreadable, see {folder / 'skipped.txt'}",
            "num_not_annotated": "left out, since they have no annotation that can be "
            f"used, see {folder / 'data_report.txt'}",
            "num_unknown_boxes": "boxes of other classes left out: "
            + ", ".join(metrics["unknown_classes"]),
            "num_not_finite": "WITH NaN OR INFINITE PREDICTIONS",
            "num_leaked": "SEEN IN TRAINING, see data_report.txt: not to be reported",
            "num_seen_without_labels": "seen in pretraining, without their labels",
        }
        lines += [
            f"  {metrics[key]} {text}" for key, text in counts.items() if metrics[key]
        ]
        table, pictures = self.describe(metrics)
        predict = f"python -m ssl_voc.predict PHOTOS --model {self.finished.path}"
        predict += " --tta" * self.config.tta + self.predict_flags(metrics)
        return "\n".join(
            [
                *lines,
                "",
                table,
                "",
                f"figures       {folder / 'metrics.json'}",
                f"predictions   {folder / 'predictions.json'}, images.jsonl",
                f"pictures      {folder / pictures[0]}, {', '.join(pictures[1:])}",
                f"next          {predict} --out FOUND",
            ]
        )

    def _prepare(self):
        """Reads and letterboxes the photos."""
        config, finished = self.config, self.finished
        split = config.asked_split(finished)
        progress = progress_bar("reading photos")
        photos = read_photos(config.data, split, finished, progress)
        self.unknown_classes = sorted(
            {*box_class_names(photos)} - {*finished.class_names}
        )
        # On photos that show nothing a detector is asked for its false alarms; where
        # objects are there, but none can be used, something is wrong.
        shows_nothing = not any(photo.objects for photo in photos)
        shows_nothing &= any(photo.annotated for photo in photos)
        return pipelines.prepare_labeled(
            photos,
            finished.manifest["image_size"],
            class_names=finished.class_names,
            main_object_only=self.main_object_only,
            objects_required=self.main_object_only or not shows_nothing,
            cache=config.cache,
            progress=progress_bar("preparing photos"),
        )

    def _refuse_leakage(self):
        """Reports the data, and stops where photos were seen."""
        seen, seen_without_labels = (
            [
                pipelines.read_photo_table(self.finished.path / name)
                for name in names
                if (self.finished.path / name).is_file()
            ]
            for names in (SEEN, (PRETRAINING_UNLABELED_LIST,))
        )
        report = pipelines.report_data(
            evaluation=self.pool, seen=seen, seen_without_labels=seen_without_labels
        )
        self.folder.write_text("data_report.txt", report.text() + "\n")
        self.folder.write_json("data_report.json", report.as_dict())
        problems = report.evaluation.problems.items()
        if problems:
            counts = (f"{len(texts)} x {kind}" for kind, texts in problems)
            print(f"wrong in the data: {', '.join(counts)}", flush=True)
        if not report.num_leaked or self.config.allow_leakage:
            where = self.folder.path / "data_report.txt"
            print(f"what the photos hold is told in {where}", flush=True)
        if not report.num_leaked:
            return report
        roles = [
            f"{len(part.photos)} {SEEN[Path(part.seen).name]}"
            for part in report.leakages
            if part.photos and part.labelled
        ]
        what = (
            f"{report.num_leaked} of the {len(self.pool)} photos were seen, in this or "
            f"nearly this form, by the model to be evaluated: {', '.join(roles)}"
        )
        if not self.config.allow_leakage:
            others = "other photos by --data and --split"
            if self.finished.has_held_out:
                others += f" ({HELD_OUT}: those of them that RUN held out)"
            leaks = (part for part in report.leakages if part.labelled)
            first = [photo.name for part in leaks for photo in part.photos][:3]
            raise BadInput(
                f"--split: {what}; the first are {', '.join(first)}. Name {others}, or "
                "--allow-leakage, which lists them all."
            )
        print(f"leakage: {what}", flush=True)
        return report

    def _in_photos(self, predicted):
        """Boxes `(n, D, 4)`, float64 xyxy in pixels of the photos, clipped."""
        return boxes_in_photos(
            self.model, predicted, self.pool.original_sizes, self.pool.image_size
        )

    def _facts(self):
        """What the figures are of: photos, model, and what was left out."""
        problems = self.report.evaluation.problems.get(UNKNOWN_CLASS, [])
        return {
            "num_skipped": len(self.pool.skipped),
            "num_not_annotated": self.report.evaluation.num_not_annotated,
            "num_unknown_boxes": len(problems),
            "unknown_classes": self.unknown_classes,
            "num_leaked": self.report.num_leaked,
            "num_seen_without_labels": self.report.num_seen_without_labels,
            "leakage_checked_against": [
                Path(part.seen).name for part in self.report.leakages
            ],
            "task": self.finished.task,
            "class_names": list(self.pool.class_names),
            "data": list(self.config.data),
            "split": self.config.split,
            "run": str(self.finished.path),
            "run_finished": self.finished.manifest.get("finished"),
            "weights": self.finished.settings.get("weights"),
            "model_sha256": self.finished.model_sha256,
        }
