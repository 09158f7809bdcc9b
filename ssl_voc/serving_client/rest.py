"""A client of TensorFlow Serving's REST API for exported models.

It needs the standard library and NumPy alone:

    from ssl_voc.serving_client import ServingClient

    with ServingClient("http://localhost:8501/v1/models/cells") as client:
        for path, found in zip(paths, client.predict_each(map(read_bytes, paths))):
            print(path, found.error or found.class_names, found.boxes)
"""

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ssl_voc.serving_client.address import ServerAddress, read_address
from ssl_voc.serving_client.batching import ChunkedClient
from ssl_voc.serving_client.errors import (
    ServingError,
    should_retry_status,
    with_retries,
)
from ssl_voc.serving_client.prediction import Prediction
from ssl_voc.serving_client.rest_rows import encode_rows, quote, read_rows

MEBIBYTE = 2**20
_READ_AT_ONCE = 2**16


class ServingClient(ChunkedClient):
    """Asks a served model for the objects in encoded images.

    Images go out in requests of bounded size, over a connection that is kept open; a
    request that meets a passing trouble (no connection, no answer in time, status 429
    or from 500) is repeated after growing pauses, one that is refused is not. May be
    shared by threads: each has a connection of its own. Proxies of the environment are
    not used.

    Args:
        url: Address of the model as `read_address` takes it, or a `ServerAddress`.
        model: Name of the model, where `url` has none.
        timeout: Seconds that the server may be silent; past them, what goes on coming
            is given up, too.
        retries: How often a request is repeated.
        batch_size: Most images of one request. With batching enabled, the server
            refuses more than its `max_batch_size`.
        max_request_bytes: Most bytes of images in one request, before encoding; a
            larger image goes alone.
        max_response_bytes: An answer beyond is an error.
        headers: Further headers of every request, such as `Authorization`.
        sleep: What waits between tries.

    Raises:
        ValueError: For an address that is none, or gRPC's.
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
        sleep=time.sleep,
    ):
        if isinstance(url, str):
            url = read_address(url, model)
        if url.is_grpc:
            raise ValueError(
                f"{url.server} speaks gRPC. Use "
                "ssl_voc.serving_client.grpc_client.GrpcServingClient, or REST's port"
            )
        if batch_size < 1 or retries < 0 or not 0 < timeout <= threading.TIMEOUT_MAX:
            raise ValueError(
                "`batch_size` must be at least 1, `retries` at least 0 and `timeout` "
                f"above 0, at most {threading.TIMEOUT_MAX:g}. Received: {batch_size}, "
                f"{retries} and {timeout}"
            )
        self.address = url
        self.timeout = timeout
        self.retries = retries
        self.batch_size = batch_size
        self.max_request_bytes = max_request_bytes
        self.max_response_bytes = max_response_bytes
        self.headers = dict(headers or {})
        self._sleep = sleep
        self._of_thread = threading.local()
        self._connections = set()

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
        """Closes the connections of all threads; the next request opens a new one."""
        while self._connections:
            self._connections.pop().close()

    def _predict_chunk(self, images: Sequence[bytes]) -> list[Prediction]:
        answer = self._ask("POST", f"{self.address.path}:predict", encode_rows(images))
        return read_rows(answer, len(images))

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        return with_retries(
            lambda: self._attempt(method, path, body), self.retries, self._sleep
        )

    def _attempt(self, method: str, path: str, body: bytes | None) -> Any:
        server = self.address.server
        try:
            response, content = self._exchange(method, path, body)
        except TimeoutError as error:
            self._disconnect()
            raise ServingError(
                f"{server} gave no answer within {self.timeout:g} s. Allow more time, "
                "or ask for fewer images at once",
                retryable=True,
            ) from error
        except (http.client.HTTPException, OSError) as error:
            self._disconnect()
            # A name that does not exist, or a certificate, will be so in a second, too.
            lasting = isinstance(error, socket.gaierror | ssl.SSLCertVerificationError)
            reason = getattr(error, "strerror", None) or str(error)
            raise ServingError(
                f"{server} cannot be reached: {reason or type(error).__name__}",
                retryable=not lasting,
            ) from error
        except BaseException:
            # An answer that was half read would be taken for the next one's.
            self._disconnect()
            raise
        if response.status != 200:
            raise _refusal(server, response, content)
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ServingError(
                f"{server} answers what is no JSON: {quote(content)}", response.status
            ) from error

    def _exchange(self, method, path, body):
        """Sends a request and reads its whole answer."""
        used_before = self._own_connection() is not None
        try:
            return self._send_and_read(method, path, body)
        except (http.client.RemoteDisconnected, ConnectionError):
            if not used_before:
                raise
        # The server closed a connection that was idle: no trouble, no pause.
        self._disconnect()
        return self._send_and_read(method, path, body)

    def _send_and_read(self, method, path, body):
        deadline = time.monotonic() + self.timeout
        connection = self._connect()
        headers = {"Accept-Encoding": "identity", **self.headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        content = bytearray()
        # `read` would wait for all of them, however slowly they come.
        while part := response.read1(_READ_AT_ONCE):
            content += part
            if len(content) > self.max_response_bytes:
                self._disconnect()
                raise ServingError(
                    f"{self.address.server} answers more than "
                    f"{self.max_response_bytes / MEBIBYTE:g} MiB. Ask for fewer images "
                    "at once",
                    response.status,
                )
            if time.monotonic() > deadline:  # a server that drips
                raise TimeoutError
        if response.length:  # bytes that were announced and never came
            raise ConnectionResetError("its answer broke off")
        response.close()  # which lets the connection take the next request
        if response.will_close:
            self._disconnect()
        return response, bytes(content)

    def _own_connection(self):
        """This thread's, if it has an open one."""
        connection = getattr(self._of_thread, "connection", None)
        return connection if connection in self._connections else None

    def _connect(self):
        connection = self._own_connection()
        if connection is None:
            kind = http.client.HTTPConnection
            if self.address.is_encrypted:
                kind = http.client.HTTPSConnection
            connection = kind(
                self.address.host, self.address.port, timeout=self.timeout
            )
            self._connections.add(connection)
            self._of_thread.connection = connection
            connection.connect()
            # Headers and body are two writes: the second shall not wait for an
            # acknowledgement of the first.
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _disconnect(self):
        connection = getattr(self._of_thread, "connection", None)
        if connection is not None:
            self._connections.discard(connection)
            connection.close()


def _refusal(server, response, content):
    """The error that an answer of another status than 200 tells of."""
    try:
        reason = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        reason = content
    if not isinstance(reason, bytes):
        reason = str(reason).encode("utf-8", "replace")
    where = response.getheader("Location")
    if 300 <= response.status < 400 and where:
        reason = f"it lies at {where}: use that address".encode()
    text = f"{server} answers {response.status} {response.reason}"
    wait = response.getheader("Retry-After", "")
    return ServingError(
        f"{text}: {quote(reason)}" if reason else text,
        response.status,
        should_retry_status(response.status),
        float(wait) if wait.isdecimal() else None,
    )
