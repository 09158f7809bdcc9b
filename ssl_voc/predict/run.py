"""Prediction of many photos, batch by batch, with its result files."""

import contextlib
import threading
import time

import numpy as np

import pipelines
from ssl_voc.cli.errors import BadInput, StoppedEarly, is_out_of_memory
from ssl_voc.predict.base import PredictionError
from ssl_voc.predict.config import DETECTOR_THRESHOLD
from ssl_voc.predict.drawing import save_prediction
from ssl_voc.predict.photo_names import writable
from ssl_voc.predict.photos import load_ahead, load_in_batches
from ssl_voc.predict.table import PredictionTable
from ssl_voc.runs.atomic_files import replacing
from ssl_voc.runs.json_files import to_json
from ssl_voc.runs.progress_bar import progress_bar
from ssl_voc.serving_client.errors import ServingError

PICTURES = "pictures"
# Reasons of skipped photos that are printed; skipped.txt has all.
_MOST_REASONS = 5


class PredictionRun:
    """Predicts, draws and records photos; holds two batches of them at a time.

    Args:
        config: A `PredictConfig`.
        photos: `NamedPhoto` each.
        problems: Pairs of path and reason: inputs that led to no photo.
        predictor: A `Predictor`.
        folder: The `RunFolder` to write to.
    """

    def __init__(self, config, photos, problems, predictor, folder):
        self.config, self.folder = config, folder
        self.photos, self.predictor = photos, predictor
        self.skipped = [pipelines.Problem(*problem) for problem in problems]
        self.table = PredictionTable()
        self._threshold = config.threshold
        self._num_done = self._num_full = self._num_with_more = 0
        self._progress = progress_bar("predicting")
        # Photos are skipped by the thread that loads them, too.
        self._advancing = threading.Lock()

    def finish(self):
        """Predicts all photos; returns the summary.

        Raises:
            BadInput: If not one photo could be predicted.
            StoppedEarly: If an interrupt, a lost server or a picture that cannot be
                written ended it before the last photo; what was predicted is written,
                also before any other error is raised.
        """
        began = time.monotonic()
        stopped, lost, failure = None, False, None
        path = self.folder.path
        try:
            results, images = path / "predictions.json", path / "images.jsonl"
            with (
                _json_rows(results, "[\n", ",\n", "\n]\n", "[]\n") as add_result,
                _json_rows(images, "", "\n", "\n", "") as add_image,
            ):
                try:
                    self._predict_all(add_result, add_image)
                except KeyboardInterrupt:
                    stopped = "interrupted"
                except ServingError as error:
                    stopped, lost = str(error), True
                except OSError as error:  # of a picture, or of a full disk
                    if not self.table.num_photos:
                        raise
                    stopped = f"cannot write {path}: {error}"
                except Exception as error:
                    if is_out_of_memory(error):
                        stopped = "the memory is full: try a smaller --batch-size"
                    else:
                        failure = error
            self.folder.write_text("skipped.txt", pipelines.problem_table(self.skipped))
        except OSError as error:
            raise BadInput(f"--out: cannot write {path}: {error}") from error
        summary = self._summary(time.monotonic() - began)
        if self.table.num_photos:
            self.folder.finish(summary)
        if failure is not None:
            raise failure
        if not self.table.num_photos:
            if stopped == "interrupted":
                raise KeyboardInterrupt
            if stopped is not None:
                raise BadInput(f"--server: {stopped}" if lost else stopped)
            raise BadInput(
                f"not one photo could be predicted, {len(self.skipped)} were skipped: "
                f"{'; '.join(map(str, self.skipped[:3]))}."
            )
        if stopped is not None:
            raise StoppedEarly(
                f"{stopped}. {self.table.num_photos} of {len(self.photos)} photos were "
                f"predicted, see {path}; --overwrite begins anew."
            )
        return summary

    def format_summary(self, summary):
        """Table, totals and places of the results as lines of text."""
        path, num_skipped = self.folder.path, len(self.skipped)
        count = summary["num_images"]
        lines = [
            f"\n{self.table}\n",
            f"{count} photo{'s' * (count != 1)}, {summary['images_per_second']:.3g} a "
            f"second: {self.table.totals()}",
        ]
        if self.table.num_empty:
            lines.append(f"  {self.table.num_empty} with nothing above the threshold")
        if self._num_full:
            lines.append(
                f"  {self._num_full} with as many objects as the model gives: there "
                "may be more"
            )
        if self._num_with_more:
            lines.append(
                f"  {self._num_with_more} of several pages or frames: only the first "
                "was looked at"
            )
        if num_skipped:
            lines.append(f"  {num_skipped} skipped, see {path / 'skipped.txt'}")
            lines += [f"    {item}" for item in self.skipped[:_MOST_REASONS]]
            lines += ["    ..."] * (num_skipped > _MOST_REASONS)
        lines.append("")
        if self.config.threshold is not None:
            lines.append(f"threshold     {self.config.threshold:g} (--threshold)")
        elif summary["threshold"]:  # a localizer's 0 leaves nothing out
            lines.append(
                f"threshold     {summary['threshold']:g}, the default; evaluate names "
                "that of its figures (--threshold)"
            )
        if self.config.draw:
            lines.append(f"pictures      {path / PICTURES}")
        lines.append(f"predictions   {path / 'predictions.json'}, images.jsonl")
        return "\n".join(lines)

    def _predict_all(self, add_result, add_image):
        batches = load_in_batches(self.photos, self.config.batch_size, self._skip)
        with contextlib.closing(load_ahead(batches)) as batches:
            for batch in batches:
                for photo, outcome in zip(batch, self._predict(batch), strict=True):
                    self._record(photo, outcome, add_result, add_image)

    def _record(self, photo, outcome, add_result, add_image):
        reason = _unusable(photo, outcome)
        if reason:
            self._skip(str(photo.path), reason)
            return
        found = self._shown(outcome)
        self._num_full += outcome.is_full and len(found) == len(outcome)
        self._num_with_more += photo.has_more
        picture = self._draw(photo, found)
        for row in _coco_results(photo, found):
            add_result(row)
        add_image(_image_row(photo, outcome, found, picture))
        self.table.add(photo.name, photo.size, found)
        self._advance()

    def _predict(self, batch):
        """A prediction for each photo, or the reason why there is none."""
        try:
            return self.predictor.predict(batch)
        except PredictionError as error:
            if len(batch) == 1:
                return [str(error)]
        # One of them is the cause: its neighbors shall not suffer for it.
        return [outcome for photo in batch for outcome in self._predict([photo])]

    def _shown(self, prediction):
        """The detections that are drawn and written."""
        if self._threshold is None:
            # A localizer always answers one box, however unsure of its class.
            is_detector = prediction.ranking is None
            self._threshold = DETECTOR_THRESHOLD if is_detector else 0.0
        return prediction.above(self._threshold, self.config.max_detections)

    def _draw(self, photo, found):
        """Writes the picture; returns its path within the folder, or None."""
        if not self.config.draw:
            return None
        suffix = ".jpg" if photo.is_lossy else ".png"
        picture = f"{PICTURES}/{photo.name}{suffix}"
        save_prediction(
            self.folder.path / picture, photo.pixels, found, photo.color_profile
        )
        return picture

    def _skip(self, path, reason):
        reason = writable(" ".join(reason.split()))
        self.skipped.append(pipelines.Problem(writable(path), reason))
        self._advance()

    def _advance(self):
        with self._advancing:
            self._num_done += 1
            self._progress(self._num_done, len(self.photos))

    def _summary(self, seconds):
        return {
            "num_images": self.table.num_photos,
            "threshold": self._threshold,
            "num_skipped": len(self.skipped),
            "num_without_detection": self.table.num_empty,
            "num_detections": self.table.num_detections,
            "detections_per_class": dict(self.table.counts.most_common()),
            "categories": dict(sorted(self.table.categories.items())),
            "predictor": self.predictor.description,
            "seconds": seconds,
            "images_per_second": self.table.num_photos / max(seconds, 1e-9),
        }


def _unusable(photo, outcome):
    """Why what came back for a photo cannot be used; empty if it can."""
    if isinstance(outcome, str):
        return outcome
    if outcome.error:
        return f"the model could not read it: {outcome.error}"
    if outcome.image_size is not None and outcome.image_size != photo.size:
        (height, width), (seen_height, seen_width) = photo.size, outcome.image_size
        return (
            f"the model saw {seen_width} x {seen_height} pixels of a photo that is "
            f"{width} x {height} upright: its boxes would be drawn at wrong places"
        )
    return ""


def _coco_results(photo, found):
    """Rows of `predictions.json`: COCO's results, and the names of the classes."""
    corners = np.round(found.boxes.astype("float64"), 2)
    return [
        {
            "image_id": photo.name,
            "category_id": int(label),
            "bbox": np.round([*box[:2], *(box[2:] - box[:2])], 2),
            "score": round(float(score), 6),
            "category_name": name,
        }
        for box, score, label, name in zip(
            corners, found.scores, found.classes, found.class_names, strict=True
        )
    ]


def _image_row(photo, prediction, found, picture):
    """Row of `images.jsonl`: a photo, its picture, and its objects in corners."""
    height, width = photo.size
    corners = np.round(found.boxes.astype("float64"), 2)
    row = {
        "image_id": photo.name,
        "path": writable(photo.path),
        "width": width,
        "height": height,
        "picture": picture,
        "detections": [
            {"class": name, "score": float(score), "box": box}
            for box, score, name in zip(
                corners, found.scores, found.class_names, strict=True
            )
        ],
    }
    if prediction.ranking is not None:
        row["scores"] = dict(prediction.ranking)
    return row


@contextlib.contextmanager
def _json_rows(path, start, between, end, empty):
    """Gives a function that adds an object as JSON; the file appears at the end.

    `empty` is the text of a file without objects.
    """
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        before = start

        def add(row):
            nonlocal before
            file.write(before + to_json(row))
            before = between

        yield add
        file.write(empty if before is start else end)
