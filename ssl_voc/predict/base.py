"""Base class of predictors, and the error of a batch that one cannot predict."""

from collections.abc import Sequence

from ssl_voc.predict.photos import LoadedPhoto
from ssl_voc.serving_client.prediction import Prediction


class PredictionError(Exception):
    """A batch could not be predicted; smaller ones may. The message is one line."""


class Predictor:
    """Base class of what finds the objects in photos.

    Attributes:
        description: What predicts, for people.
    """

    description: str

    def predict(self, photos: Sequence[LoadedPhoto]) -> list[Prediction]:
        """A `Prediction` for each photo, boxes in pixels of its upright image.

        Raises:
            PredictionError: If this batch cannot be predicted.
            ServingError: If no batch can, as the server is out of reach.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Closes connections, if any."""
