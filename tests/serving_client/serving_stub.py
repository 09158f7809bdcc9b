"""A small HTTP server that runs SavedModels and speaks TensorFlow Serving's REST API.

    python -m tests.serving_client.serving_stub saved_models/cells --port 8501 \
        --name cells

What it answers follows the pages "RESTful API" and `http_rest_api_handler.cc` of
TensorFlow Serving: row and column format, `b64`, status and metadata of models, and
errors as JSON with the key `error`. It is for tests: it loads a model's newest version
once, and neither batches nor limits requests.
"""

import argparse
import contextlib
import http.server
import json
import pathlib
import re
import socket
import threading
import time
import urllib.parse

from tests.serving_client.rest_bodies import (
    Refused,
    from_columns,
    from_rows,
    listed,
    to_rows,
)

_VERSION = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_PREDICT = re.compile(rf"/v1/models/(?P<name>[^/:]+){_VERSION}:(?P<method>\w+)")
_STATUS = re.compile(rf"/v1/models/(?P<name>[^/:]+){_VERSION}(?P<sub>/metadata)?")


class ServedModel:
    """A version of a SavedModel."""

    def __init__(self, folder):
        import tensorflow as tf

        folder = pathlib.Path(folder)
        versions = [p for p in folder.iterdir() if p.name.isdigit()]
        path = max(versions, key=lambda p: int(p.name))
        self.version = int(path.name)
        self.model = tf.saved_model.load(str(path))
        self.graph = _read_meta_graph(path)

    def run(self, signature_name, inputs):
        """Runs a signature on arrays; gives arrays."""
        import tensorflow as tf

        function = self.model.signatures[signature_name]
        specs = function.structured_input_signature[1]
        try:
            given = {
                name: tf.constant(inputs[name], dtype=spec.dtype)
                for name, spec in specs.items()
            }
            outputs = function(**given)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise Refused(400, str(error)) from error
        return {name: value.numpy() for name, value in outputs.items()}

    def input_names(self, signature_name):
        """Names of a signature's inputs."""
        if signature_name not in self.model.signatures:
            raise Refused(
                400,
                f'Serving signature name: "{signature_name}" not found in signature '
                "def",
            )
        function = self.model.signatures[signature_name]
        return [*function.structured_input_signature[1]]


def _read_meta_graph(path):
    from tensorflow.core.protobuf import saved_model_pb2

    message = saved_model_pb2.SavedModel()
    message.ParseFromString((path / "saved_model.pb").read_bytes())
    return message.meta_graphs[0]


def whole_answer(head, body):
    """Bytes of an answer: status and further headers as text, and the body."""
    head = f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body


class ServingStub(http.server.ThreadingHTTPServer):
    """Serves models until `close`.

    Args:
        models: Name to the folder of its versions.
        port: Port of 127.0.0.1; 0 picks a free one.

    Attributes:
        requests: Method, path and body of every request, where `record` is True.
        faults: What the next requests meet instead of an answer, in this order: a
            status, `(status, headers)`, or one of "drop" (the connection), "hang",
            "garbage" (no JSON), "short" (less than announced), "slow" (byte by byte),
            "endless", or bytes, the whole answer.
    """

    daemon_threads = True
    # A server that answers the next test shall not wait for this one's.
    block_on_close = False

    def __init__(self, models, port=0, record=True):
        super().__init__(("127.0.0.1", port), _Handler)
        self.models = {name: ServedModel(path) for name, path in models.items()}
        self.requests = []
        self.faults = []
        self.record = record
        self.hang_seconds = 2.0
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
        self._handle(self._describe)

    def do_POST(self):
        self._handle(self._predict)

    def log_message(self, format, *arguments):
        pass

    def _handle(self, answer):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if self.server.record:
            self.server.requests.append((self.command, self.path, body))
        if self.server.faults:
            self._fail(self.server.faults.pop(0))
            return
        try:
            self._send(200, answer(body))
        except Refused as error:
            self._send(error.status, {"error": str(error)})

    def _send(self, status, content, headers=()):
        data = json.dumps(content, indent=1).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _fail(self, fault):
        if isinstance(fault, int):
            fault = (fault, ())
        if isinstance(fault, tuple):
            self._send(fault[0], {"error": f"fault {fault[0]}"}, fault[1])
            return
        if fault == "garbage":
            data = b"<html>a gateway's page</html>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            return
        if isinstance(fault, bytes):
            self.wfile.write(fault)
        if fault == "hang":
            time.sleep(self.server.hang_seconds)
        if fault == "short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"predictions": [')
        if fault in ("endless", "slow"):
            self.send_response(200)
            self.end_headers()
            try:
                while fault == "endless":
                    self.wfile.write(b" " * 65536)
                for _ in range(40):
                    self.wfile.write(b" ")
                    time.sleep(0.05)
            except OSError:
                pass
        self.close_connection = True
        self.wfile.flush()
        with contextlib.suppress(OSError):  # the client was quicker
            self.connection.shutdown(socket.SHUT_RDWR)

    def _model(self, match, missing):
        name = urllib.parse.unquote(match["name"])
        model = self.server.models.get(name)
        version = match["version"] and int(match["version"])
        known = model and version in (None, model.version) and not match["label"]
        if not known:
            raise Refused(404, missing(name, version))
        return name, model

    def _describe(self, body):
        match = _STATUS.fullmatch(self.path)
        if not match:
            raise Refused(404, f"Malformed request: GET {self.path}")
        name, model = self._model(
            match,
            lambda name, version: (
                f"Could not find any versions of model {name}"
                if version is None
                else f"Could not find version {version} of model {name}"
            ),
        )
        if match["sub"]:
            return _metadata(name, model)
        status = {"error_code": "OK", "error_message": ""}
        return {
            "model_version_status": [
                {"version": str(model.version), "state": "AVAILABLE", "status": status}
            ]
        }

    def _predict(self, body):
        match = _PREDICT.fullmatch(self.path)
        if not match or match["method"] != "predict":
            raise Refused(400, f"Malformed request: POST {self.path}")
        _, model = self._model(
            match,
            lambda name, version: (
                f"Servable not found for request: Latest({name})"
                if version is None
                else f"Servable not found for request: Specific({name}, {version})"
            ),
        )
        try:
            request = json.loads(body)
        except ValueError as error:
            raise Refused(400, f"JSON Parse error: Invalid value. {error}") from error
        if not isinstance(request, dict):
            raise Refused(400, "Request body must be a JSON object")
        signature = request.get("signature_name", "serving_default")
        names = model.input_names(signature)
        if ("instances" in request) == ("inputs" in request):
            raise Refused(400, "Missing 'inputs' or 'instances' key")
        if "instances" in request:
            outputs = model.run(signature, from_rows(request["instances"], names))
            return {"predictions": to_rows(outputs)}
        outputs = model.run(signature, from_columns(request["inputs"], names))
        columns = {name: listed(name, value) for name, value in outputs.items()}
        return {"outputs": columns if len(columns) > 1 else [*columns.values()][0]}


def _metadata(name, model):
    from google.protobuf import json_format

    signatures = {
        key: json_format.MessageToDict(
            value,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )
        for key, value in model.graph.signature_def.items()
    }
    spec = {"name": name, "signature_name": "", "version": str(model.version)}
    return {
        "model_spec": spec,
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


def main(argv=None):
    """Serves one model until it is interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="folder of the model's versions")
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", type=int, default=8501)
    options = parser.parse_args(argv)
    server = ServingStub({options.name: options.folder}, options.port, record=False)
    print(f"{server.url}/v1/models/{options.name}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
