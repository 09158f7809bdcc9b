"""Client of TensorFlow Serving's REST API for exported models.

It needs NumPy and urllib3 alone:

    from ssl_voc.serving_client import ServingClient

    with ServingClient("http://localhost:8501/v1/models/cells") as client:
        for path, found in zip(paths, client.predict_each(map(read_bytes, paths))):
            print(path, found.error or found.class_names, found.boxes)
"""

import contextlib
import json
import ssl
import time
from collections.abc import Mapping, Sequence
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader, NameResolutionError

from ssl_voc.serving_client.address import ServerAddress, read_address
from ssl_voc.serving_client.batching import MEBIBYTE, BatchingClient
from ssl_voc.serving_client.errors import (
    ServingError,
    should_retry_status,
    with_retries,
)
from ssl_voc.serving_client.prediction import Prediction
from ssl_voc.serving_client.rest_rows import encode_rows, quote, read_rows

_READ_AT_ONCE = 2**16
# Threads beyond them connect anew for each request.
_MOST_KEPT_CONNECTIONS = 64


class ServingClient(BatchingClient):
    """Asks a served model for the objects in encoded images.

    Images go out in requests of bounded size, over a connection that is kept open; a
    request that fails temporarily (no connection, timeout, status 429 or from 500) is
    repeated after growing pauses, a refused one is not. May be
    shared by threads. Proxies of the environment are not used.

    Args:
        url: Address of the model as `read_address` takes it, or a `ServerAddress`.
        model: Name of the model, where `url` has none.
        timeout: Seconds that the server may be silent; a body that comes in drips is
            given up after as many seconds, too.
        retries: How often a request is repeated.
        batch_size: Most images of one request. With batching enabled, the server
            refuses more than its `max_batch_size`.
        max_request_bytes: Most bytes of images in one request, before encoding; a
            larger image goes alone.
        max_response_bytes: An answer beyond is an error.
        headers: Further headers of every request, such as `Authorization`.

    Raises:
        ValueError: For an invalid address or one of gRPC, or a number out of range.
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
        headers: Mapping[str, str] | None = None,
    ):
        if isinstance(url, str):
            url = read_address(url, model)
        if url.is_grpc:
            raise ValueError(
                f"{url.server} is an address of gRPC. Use "
                "ssl_voc.serving_client.grpc_client.GrpcServingClient, or REST's port"
            )
        super().__init__(url, timeout, retries, batch_size, max_request_bytes)
        self.max_response_bytes = max_response_bytes
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
        for key in ("metadata", "signature_def", "signature_def", "serving_default"):
            found = found.get(key, {}) if isinstance(found, dict) else {}
        inputs = found.get("inputs") if isinstance(found, dict) else None
        return tuple(inputs) if isinstance(inputs, dict) else ()

    def close(self) -> None:
        """Closes all connections; the next request opens a new one."""
        self._pool.clear()

    def _predict_chunk(self, images: Sequence[bytes]) -> list[Prediction]:
        answer = self._ask("POST", f"{self.address.path}:predict", encode_rows(images))
        return read_rows(answer)

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        return with_retries(lambda: self._attempt(method, path, body), self.retries)

    def _attempt(self, method: str, path: str, body: bytes | None) -> Any:
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
