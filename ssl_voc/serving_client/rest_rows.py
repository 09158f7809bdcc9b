"""Row format of TensorFlow Serving's REST API: requests and answers."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from ssl_voc.serving_client.prediction import Prediction, read_outputs

# Characters of a response body in an error; a gateway may send a whole page.
_LONGEST_QUOTE = 300


def encode_rows(images: Sequence[bytes]) -> bytes:
    """Body of a request in row format: `{"instances": [{"image_bytes": ...}, ...]}`."""
    # By hand: json.dumps would look at every character of megabytes that need no look.
    rows = (
        b'{"image_bytes": {"b64": "' + base64.b64encode(image) + b'"}}'
        for image in images
    )
    return b'{"instances": [' + b", ".join(rows) + b"]}"


def read_rows(answer: Any) -> list[Prediction]:
    """Parses a response in row format: `{"predictions": [{"boxes": ...}, ...]}`.

    Raises:
        ValueError: For any other content.
    """
    rows = answer.get("predictions") if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(
            "the server's response has no rows of `predictions`: "
            + quote(json.dumps(answer).encode())
        )
    return [read_outputs(row) for row in rows]


def quote(content: bytes) -> str:
    """The beginning of a response body, in one line."""
    text = " ".join(content[: 4 * _LONGEST_QUOTE].decode("utf-8", "replace").split())
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"
