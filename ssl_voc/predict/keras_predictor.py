"""Predictor that runs the Keras model of a finished fine-tuning."""

from collections.abc import Sequence

import keras
import numpy as np

from pipelines.images.resizing import Letterboxing
from ssl_voc.models.batch_inference import predict_any_batch
from ssl_voc.predict.base import Predictor
from ssl_voc.predict.finished_model import boxes_in_photos, load_finished_model
from ssl_voc.predict.photos import LoadedPhoto
from ssl_voc.predict.test_time_augmentation import AugmentedPredictor
from ssl_voc.runs.finished_run import FinishedRun
from ssl_voc.serving_client.prediction import Prediction
from ssl_voc.tasks import task_of


class RunPredictor(Predictor):
    """Predicts by the model of a finished fine-tuning, prepared as `evaluate` does.

    Args:
        finished: The `FinishedRun`.
        batch_size: Most photos of a call, see `predict_any_batch`.
        tta: Whether it is asked by `AugmentedPredictor`.
        max_detections: Number of objects of a photo that a detector gives, at most,
            where that is more than it gives by itself.

    Raises:
        ValueError: If its model cannot be loaded.
    """

    def __init__(
        self,
        finished: FinishedRun,
        batch_size: int,
        tta: bool = False,
        max_detections: int = 0,
    ):
        self.description = f"run {finished.path} (task {finished.task})"
        self.class_names = finished.class_names
        self.image_size = finished.manifest["image_size"]
        self.task = task_of(finished)
        self.batch_size = batch_size
        self.model = load_finished_model(finished)
        if getattr(self.model, "max_detections", max_detections) < max_detections:
            self.model.max_detections = max_detections
        self._views, sides = None, (self.image_size,)
        if tta:
            self._views = AugmentedPredictor(
                self.model,
                self.task,
                self.image_size,
                finished.learned_mirrored,
                batch_size,
            )
            sides = self._views.image_sizes
            self.description += f", {self._views.protocol}"
        self._letterboxings = [Letterboxing(side) for side in sides]

    def predict(self, photos: Sequence[LoadedPhoto]) -> list[Prediction]:
        """See `Predictor`."""
        squares = [
            np.stack([item.resize(photo.pixels) for photo in photos])
            for item in self._letterboxings
        ]
        sizes = np.array([photo.size for photo in photos], "int64")
        if self._views is None:
            found = predict_any_batch(self.model, squares[0], self.batch_size)
            corners = boxes_in_photos(
                self.model, found["boxes"], sizes, self.image_size
            )
            found = {**found, "boxes": corners}
        else:
            found = self._views.predict(squares, sizes)
        predicted = {
            name: keras.ops.convert_to_numpy(value) for name, value in found.items()
        }
        predicted["boxes"] = predicted["boxes"].astype("float32")
        ranked = self.task.rank_arrays(predicted)
        return [
            self._prediction({name: value[row] for name, value in ranked.items()}, size)
            for row, size in enumerate(photo.size for photo in photos)
        ]

    def _prediction(self, ranked, size):
        """The `Prediction` of one photo, of what `Task.rank` gives for it."""
        kept = ranked["classes"] >= 0  # -1 is padding
        classes = ranked["classes"][kept].astype("int32")
        scores = ranked["scores"][kept].astype("float32")
        names = tuple(self.class_names[label] for label in classes)
        corners = ranked["boxes"][kept[: len(ranked["boxes"])]]
        ranking = None
        if self.task.main_object_only:
            ranking = tuple(zip(names, map(float, scores), strict=True))
        found = slice(len(corners))
        return Prediction(
            corners,
            scores[found],
            classes[found],
            names[found],
            size,
            ranking=ranking,
            is_full=ranking is None and bool(kept.all()),
        )
