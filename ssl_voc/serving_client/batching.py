"""Base class of serving clients: images in requests of bounded size."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Self

from ssl_voc.serving_client.address import ServerAddress, read_address
from ssl_voc.serving_client.errors import ServingError
from ssl_voc.serving_client.prediction import Prediction

MEBIBYTE = 2**20


class BatchingClient:
    """Sends images in requests of bounded size.

    A subclass sends one request in `_predict_chunk` and closes connections in `close`.

    Args:
        url: Address of the model as `read_address` takes it, or a `ServerAddress`.
        model: Name of the model, where `url` has none.
        timeout: Seconds that a request may take.
        retries: How often a request that fails temporarily (no connection, timeout,
            status 429 or from 500 but 501) is repeated, after growing pauses.
        batch_size: Most images of one request. With batching enabled, the server
            refuses more than its `max_batch_size`.
        max_request_bytes: Most bytes of images in one request, before encoding; a
            larger image goes alone.
        max_response_bytes: An answer beyond is an error.

    Raises:
        ValueError: For an invalid address or one of the other protocol, or a number
            out of range.
    """

    def __init__(
        self,
        url: str | ServerAddress,
        model: str | None = None,
        *,
        timeout: float = 30.0,
        retries: int = 3,
        batch_size: int = 8,
        max_request_bytes: int = 16 * MEBIBYTE,
        max_response_bytes: int = 256 * MEBIBYTE,
    ):
        if batch_size < 1 or retries < 0 or not 0 < timeout <= threading.TIMEOUT_MAX:
            raise ValueError(
                "`batch_size` must be at least 1, `retries` at least 0 and `timeout` "
                f"above 0, at most {threading.TIMEOUT_MAX:g}. Received: {batch_size}, "
                f"{retries} and {timeout}"
            )
        self.address = read_address(url, model) if isinstance(url, str) else url
        self.timeout = timeout
        self.retries = retries
        self.batch_size = batch_size
        self.max_request_bytes = max_request_bytes
        self.max_response_bytes = max_response_bytes

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
            try:
                found = self._predict_chunk(chunk)
            except ValueError as error:
                raise ServingError(str(error), 200) from error
            if len(found) != len(chunk):
                raise ServingError(
                    f"the server returned {len(found)} predictions for {len(chunk)} "
                    "images",
                    200,
                )
            yield from found

    def close(self) -> None:
        """Closes connections."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _predict_chunk(self, images: Sequence[bytes]) -> list[Prediction]:
        """Predictions of one request; `ValueError` for an invalid response."""
        raise NotImplementedError


def in_chunks(
    images: Iterable[bytes], most: int, most_bytes: int
) -> Iterator[list[bytes]]:
    """Splits images into lists of at most so many, and so many bytes together.

    An image of more bytes than `most_bytes` makes a list of its own.
    """
    chunk, size = [], 0
    for image in images:
        if not isinstance(image, bytes | bytearray | memoryview):
            raise TypeError(
                "images must be encoded files as bytes, such as Path.read_bytes() "
                f"gives. Received: {type(image).__name__}"
            )
        if chunk and (len(chunk) == most or size + len(image) > most_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(image)
        size += len(image)
    if chunk:
        yield chunk
