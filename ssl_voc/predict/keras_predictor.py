"""Predictor that runs the Keras model of a finished fine-tuning."""

from collections.abc import Sequence

import keras
import numpy as np

from pipelines import boxes_from_letterbox
from pipelines.images.resizing import Letterboxing
from ssl_voc import boxes
from ssl_voc.cli.errors import BadInput
from ssl_voc.models.loading import load_model
from ssl_voc.predict.photos import LoadedPhoto
from ssl_voc.runs.finished_run import FinishedRun
from ssl_voc.serving_client.prediction import Prediction
from ssl_voc.tasks import task_of


class RunPredictor:
    """Predicts by the model of a finished fine-tuning, prepared as `evaluate` does.

    Args:
        finished: The `FinishedRun`.
        batch_size: Most photos of a call: all are computed as such a batch, so that
            the model is traced once.

    Raises:
        ValueError: If its model cannot be loaded.
    """

    def __init__(self, finished: FinishedRun, batch_size: int):
        self.description = f"run {finished.path} (task {finished.task})"
        self.class_names = finished.class_names
        self.image_size = finished.manifest["image_size"]
        self.task = task_of(finished)
        self.batch_size = batch_size
        self._letterboxing = Letterboxing(self.image_size)
        self.model = load_finished_model(finished)

    def predict(self, photos: Sequence[LoadedPhoto]) -> list[Prediction]:
        """See `Predictor`."""
        side = self.image_size
        images = np.zeros((self.batch_size, side, side, 3), "uint8")
        for row, photo in enumerate(photos):
            images[row] = self._letterboxing.resize(photo.pixels)
        predicted = {
            name: keras.ops.convert_to_numpy(value)[: len(photos)]
            for name, value in self.model.predict_on_batch(images).items()
        }
        sizes = np.array([photo.size for photo in photos])
        corners = boxes_in_photos(self.model, predicted["boxes"], sizes, side)
        ranked = self.task.rank_arrays(
            {**predicted, "boxes": corners.astype("float32")}
        )
        return [
            self._prediction({name: value[row] for name, value in ranked.items()}, size)
            for row, size in enumerate(photo.size for photo in photos)
        ]

    def close(self) -> None:
        """See `Predictor`."""

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
            corners, scores[found], classes[found], names[found], size, ranking=ranking
        )


def load_finished_model(finished, kind=keras.Model):
    """Loads the model of a finished fine-tuning, ready to predict.

    Args:
        finished: The `FinishedRun`.
        kind: Class that the model must be of.

    Raises:
        ValueError: when the file cannot be loaded.
        BadInput: when the model is not that of the run's records.
    """
    path = finished.path / "model.keras"
    model = load_model(path, kind)
    size, number = finished.manifest["image_size"], len(finished.class_names)
    # Models of a script's own may not tell.
    shape = getattr(model, "image_shape", (size, size))
    if shape != (size, size):
        raise BadInput(
            f"RUN: {path} takes images of {shape}, but manifest.json says {size} px."
        )
    if getattr(model, "num_classes", number) != number:
        raise BadInput(
            f"RUN: {path} scores {model.num_classes} classes, but manifest.json names "
            f"{number}."
        )
    return model


def boxes_in_photos(model, predicted, sizes, side):
    """Boxes that a model predicts for letterboxed photos, in pixels of the photos.

    Args:
        model: A model of boxes, whose `bounding_box_format` is xyxy where it has none.
        predicted: Its boxes, `(n, num_boxes, 4)`.
        sizes: Heights and widths of the photos, integers `(n, 2)`.
        side: Side of the squares in pixels.

    Returns:
        float64 `(n, num_boxes, 4)`, xyxy, clipped to the photos.
    """
    format = getattr(model, "bounding_box_format", "xyxy")
    corners = boxes.convert_format(predicted, format, "xyxy", (side, side))
    corners = keras.ops.convert_to_numpy(corners).astype("float64")
    return boxes_from_letterbox(corners, sizes, side)
