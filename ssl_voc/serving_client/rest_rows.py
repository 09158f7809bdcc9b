"""Requests and answers of TensorFlow Serving's REST API in its row format."""

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ssl_voc.serving_client.errors import ServingError
from ssl_voc.serving_client.prediction import Prediction, read_outputs

# Characters of what a server says in an error; a gateway may send a page.
_LONGEST_QUOTE = 300


def in_chunks(
    images: Iterable[bytes], most: int, most_bytes: int
) -> Iterator[list[bytes]]:
    """Parts images into lists of at most so many, and so many bytes together.

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


def encode_rows(images: Sequence[bytes]) -> bytes:
    """Body of a request in row format: `{"instances": [{"image_bytes": ...}, ...]}`."""
    # By hand: json.dumps would look at every character of megabytes that need no look.
    rows = (
        b'{"image_bytes": {"b64": "' + base64.b64encode(image) + b'"}}'
        for image in images
    )
    return b'{"instances": [' + b", ".join(rows) + b"]}"


def read_rows(answer: Any, num_images: int) -> list[Prediction]:
    """Reads an answer in row format: `{"predictions": [{"boxes": ...}, ...]}`.

    Raises:
        ServingError: If it is none, or of another number of images.
    """
    rows = answer.get("predictions") if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ServingError(
            "the server's answer has no rows of `predictions`: "
            + quote(json.dumps(answer).encode()),
            200,
        )
    if len(rows) != num_images:
        raise ServingError(
            f"the server answers {len(rows)} predictions to {num_images} images", 200
        )
    try:
        return [read_outputs(row) for row in rows]
    except ValueError as error:
        raise ServingError(str(error), 200) from error


def quote(content: bytes) -> str:
    """The beginning of what a server sent, in one line."""
    text = " ".join(content[: 4 * _LONGEST_QUOTE].decode("utf-8", "replace").split())
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"
