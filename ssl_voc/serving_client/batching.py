"""What the clients of TensorFlow Serving share, however they ask."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Self

from ssl_voc.serving_client.prediction import Prediction
from ssl_voc.serving_client.rest_rows import in_chunks


class ChunkedClient:
    """Sends images in requests of bounded size.

    A subclass asks for one request's images in `_predict_chunk`, and ends what it keeps
    open in `close`.

    Attributes:
        batch_size: Most images of one request.
        max_request_bytes: Most bytes of images in one request; a larger image goes
            alone.
    """

    batch_size: int
    max_request_bytes: int

    def predict(self, images: Sequence[bytes]) -> list[Prediction]:
        """Finds the objects in encoded images.

        Args:
            images: JPEG or PNG files as bytes.

        Returns:
            A `Prediction` for each image; `error` is set where the server could not
            read it.

        Raises:
            ServingError: If a request failed, retries included.
        """
        return list(self.predict_each(images))

    def predict_each(self, images: Iterable[bytes]) -> Iterator[Prediction]:
        """As `predict`, without ever holding more images than one request's."""
        for chunk in in_chunks(images, self.batch_size, self.max_request_bytes):
            yield from self._predict_chunk(chunk)

    def close(self) -> None:
        """Ends what is kept open."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _predict_chunk(self, images: Sequence[bytes]) -> list[Prediction]:
        raise NotImplementedError
