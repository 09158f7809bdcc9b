"""Client of TensorFlow Serving's REST API for exported models.

It needs NumPy and urllib3 alone:

    from ssl_voc.serving_client import ServingClient

    with ServingClient("http://localhost:8501/v1/models/cells") as client:
        for path, found in zip(paths, client.predict_each(map(read_bytes, paths))):
            print(path, found.error or found.class_names, found.boxes)
"""

import base64
import contextlib
import json
import ssl
import time
from collections.abc import Mapping, Sequence
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader, NameResolutionError

from ssl_voc.serving_client.batching import MEBIBYTE, BatchingClient
from ssl_voc.serving_client.errors import (
    ServingError,
    should_retry_status,
    with_retries,
)
from ssl_voc.serving_client.prediction import Prediction, read_outputs

_READ_AT_ONCE = 2**16
# Threads beyond them connect anew for each request.
_MOST_KEPT_CONNECTIONS = 64
# Characters of a response body in an error; a gateway may send a whole page.
_LONGEST_QUOTE = 300


class ServingClient(BatchingClient):
    """Asks a served model for the objects in encoded images.

    Connections are kept open. May be shared by threads. Proxies of the environment are
    not used.

    Args:
        *args, **kwargs: Those of `BatchingClient`; the address is one of REST. A body
            that comes in drips is given up after `timeout` seconds, too.
        headers: Further headers of every request, such as `Authorization`.
    """

    def __init__(
        self, *args: Any, headers: Mapping[str, str] | None = None, **kwargs: Any
    ):
        super().__init__(*args, **kwargs)
        if self.address.is_grpc:
            raise ValueError(
                f"{self.address.server} is an address of gRPC. Use "
                "ssl_voc.serving_client.grpc_client.GrpcServingClient, or REST's port"
            )
        self.headers = dict(headers or {})
        self._pool = urllib3.PoolManager(1, maxsize=_MOST_KEPT_CONNECTIONS)

    def status(self) -> dict[str, Any]:
        """What the server says of the model's versions (`model_version_status`)."""
        return self._ask("GET", self.address.path)

    def metadata(self) -> dict[str, Any]:
        """Name, version and signatures of the model."""
        return self._ask("GET", f"{self.address.path}/metadata")

    def input_names(self) -> tuple[str, ...]:
        """Inputs of the default signature; empty where the metadata do not tell."""
        found = self.metadata()
        path = "metadata signature_def signature_def serving_default inputs"
        for key in path.split():
            found = found.get(key) if isinstance(found, dict) else None
        return tuple(found) if isinstance(found, dict) else ()

    def close(self) -> None:
        """Closes all connections; the next request opens a new one."""
        self._pool.clear()

    def _predict_chunk(self, images: Sequence[bytes]) -> list[Prediction]:
        answer = self._ask("POST", f"{self.address.path}:predict", encode_rows(images))
        return read_rows(answer)

    def _ask(self, *request: Any) -> Any:
        return with_retries(lambda: self._attempt(*request), self.retries)

    def _attempt(self, method: str, path: str, body: bytes | None = None) -> Any:
        server = self.address.server
        headers = {"Accept-Encoding": "identity", **self.headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
        deadline = time.monotonic() + self.timeout
        try:
            response = self._pool.urlopen(
                method,
                server + path,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(total=self.timeout),
                retries=False,  # `with_retries` covers the body, too
                redirect=False,
                preload_content=False,
            )
            content = self._read(response, deadline)
        except (HTTPError, TimeoutError) as error:
            raise self._no_answer(error) from error
        if response.status != 200:
            raise _refusal(server, response, content)
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ServingError(
                f"{server} returned invalid JSON: {quote(content)}", response.status
            ) from error

    def _read(self, response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
        """The whole body, bounded in bytes and in time."""
        content = bytearray()
        # Closing ends the connection only where the answer was not read to its end.
        with contextlib.closing(response):
            # `read` would wait for all of it, however slowly it comes.
            while part := response.read1(_READ_AT_ONCE):
                content += part
                if len(content) > self.max_response_bytes:
                    raise ServingError(
                        f"{self.address.server} returned more than "
                        f"{self.max_response_bytes / MEBIBYTE:g} MiB. Ask for fewer "
                        "images at once",
                        response.status,
                    )
                if time.monotonic() > deadline:  # a server that drips
                    raise TimeoutError
        return bytes(content)

    def _no_answer(self, error: Exception) -> ServingError:
        """The error of a request without a complete response."""
        server = self.address.server
        cause = error.__cause__ or error.__context__ or error
        if isinstance(cause, TimeoutError):
            return ServingError(
                f"{server} gave no answer within {self.timeout:g} s. Allow more time, "
                "or ask for fewer images at once",
                retryable=True,
            )
        # A name that does not exist, or a certificate, will be so in a second, too.
        lasting = isinstance(error, NameResolutionError)
        lasting |= isinstance(cause, ssl.SSLCertVerificationError)
        reason = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        return ServingError(
            f"{server} cannot be reached: {reason}", retryable=not lasting
        )


def _refusal(
    server: str, response: urllib3.BaseHTTPResponse, content: bytes
) -> ServingError:
    """The error of a response whose status is not 200."""
    try:
        reason = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        reason = content
    if not isinstance(reason, bytes):
        reason = str(reason).encode("utf-8", "replace")
    where = response.get_redirect_location()
    if where:
        reason = f"it lies at {where}: use that address".encode()
    try:
        wait = urllib3.Retry().get_retry_after(response)
    except InvalidHeader:
        wait = None
    text = f"{server} returned {response.status} {response.reason}"
    return ServingError(
        f"{text}: {quote(reason)}" if reason else text,
        response.status,
        should_retry_status(response.status),
        wait,
    )


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
