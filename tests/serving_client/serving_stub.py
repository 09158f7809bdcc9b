"""HTTP server of one SavedModel by the row format of TensorFlow Serving's REST API.

    python -m tests.serving_client.serving_stub saved_models/cells --name cells

For tests and benchmarks: it loads the newest version once, and neither batches nor
limits requests.
"""

import argparse
import base64
import contextlib
import http.server
import json
import pathlib
import re
import socket
import threading

from ssl_voc.predict.predictors import newest_version

_PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+))?"
    r"(?P<action>:predict|/metadata|)"
)


class LoadedModel:
    """Newest version of a SavedModel with the signature `serving_default`."""

    def __init__(self, folder):
        import tensorflow as tf

        path = newest_version(pathlib.Path(folder))
        self.version = path.name
        self._model = tf.saved_model.load(str(path))
        self._function = self._model.signatures["serving_default"]
        [self.input_name] = self._function.structured_input_signature[1]

    def run(self, images):
        """Output name to array, of encoded images."""
        import tensorflow as tf

        outputs = self._function(**{self.input_name: tf.constant(images)})
        return {name: value.numpy() for name, value in outputs.items()}


def whole_answer(head, body):
    """Bytes of an answer: status and further headers as text, and the body."""
    head = f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body


class ServingStub(http.server.ThreadingHTTPServer):
    """Serves a model until the block ends.

    Args:
        folder: Folder of the model's versions.
        name: Name that the model is served by.
        port: Port of 127.0.0.1; 0 picks a free one.

    Attributes:
        requests: Method, path and body of every request; None records nothing.
        faults: What the next requests meet: None (an answer), a status, or bytes or an
            iterable of bytes, written as they are before the connection is closed.
        num_connections: Connections accepted.
    """

    daemon_threads = True
    # A server that answers the next test shall not wait for this one's.
    block_on_close = False

    def __init__(self, folder, name="pets", port=0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.model, self.name = LoadedModel(folder), name
        self.requests, self.faults = [], []
        self.num_connections = 0

    @property
    def url(self):
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.server.num_connections += 1

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.requests is not None:
            self.server.requests.append((self.command, self.path, body))
        fault = self.server.faults.pop(0) if self.server.faults else None
        if fault is None:
            self._send(*self._answer(body))
        elif isinstance(fault, int):
            self._send(fault, {"error": f"fault {fault}"})
        else:
            self.close_connection = True
            with contextlib.suppress(OSError):  # the client was quicker
                for part in [fault] if isinstance(fault, bytes) else fault:
                    self.wfile.write(part)
                self.connection.shutdown(socket.SHUT_RDWR)

    do_POST = do_GET

    def log_message(self, format, *arguments):
        pass

    def _send(self, status, content):
        data = json.dumps(content, default=bytes.decode).encode()
        self.wfile.write(whole_answer(f"{status} {self.responses[status][0]}", data))

    def _answer(self, body):
        """Status and content."""
        model, match = self.server.model, _PATH.fullmatch(self.path)
        served = [(self.server.name, version) for version in (None, model.version)]
        if not match or (match["name"], match["version"]) not in served:
            return 404, {"error": f"Servable not found for request: {self.path}"}
        if not match["action"]:
            state = {"version": model.version, "state": "AVAILABLE"}
            return 200, {"model_version_status": [state]}
        if match["action"] == "/metadata":
            inputs = {model.input_name: {"dtype": "DT_STRING"}}
            signatures = {"serving_default": {"inputs": inputs}}
            return 200, {
                "model_spec": {"name": self.server.name, "version": model.version},
                "metadata": {"signature_def": {"signature_def": signatures}},
            }
        try:
            images = [
                base64.b64decode(row[model.input_name]["b64"], validate=True)
                for row in json.loads(body)["instances"]
            ]
        except (ValueError, KeyError, TypeError) as error:
            return 400, {"error": f"{type(error).__name__}: {error}"}
        outputs = model.run(images)
        rows = zip(*(value.tolist() for value in outputs.values()), strict=True)
        return 200, {
            "predictions": [dict(zip(outputs, row, strict=True)) for row in rows]
        }


def main(argv=None):
    """Serves one model until it is interrupted; its first line is its address."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="folder of the model's versions")
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", type=int, default=8501)
    options = parser.parse_args(argv)
    server = ServingStub(options.folder, options.name, options.port)
    server.requests = None
    print(f"{server.url}/v1/models/{options.name}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
