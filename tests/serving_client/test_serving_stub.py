"""The test server answers as the pages of TensorFlow Serving's REST API say."""

import base64
import json
import urllib.error
import urllib.request

import pytest

from tests.serving_client.fixed_boxes import save_model
from tests.serving_client.serving_stub import ServingStub
from tests.serving_client.test_rest import photo


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    save_model(folder / "1")
    save_model(folder / "12")
    with ServingStub({"pets": folder}) as server:
        yield server


def ask(server, path, body=None):
    """Status and JSON of an answer."""
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    # Without the proxies of the environment.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(server.url + path, body, timeout=20) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def b64(data):
    return {"b64": base64.b64encode(data).decode()}


def test_status_has_the_documented_shape_and_the_newest_version(server):
    status = {"error_code": "OK", "error_message": ""}
    row = {"version": "12", "state": "AVAILABLE", "status": status}
    expected = 200, {"model_version_status": [row]}
    assert ask(server, "/v1/models/pets") == expected
    assert ask(server, "/v1/models/pets/versions/12") == expected


def test_metadata_hold_the_signature_with_types_and_shapes(server):
    status, answer = ask(server, "/v1/models/pets/metadata")
    assert status == 200
    assert answer["model_spec"] == {
        "name": "pets",
        "signature_name": "",
        "version": "12",
    }
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["method_name"] == "tensorflow/serving/predict"
    assert signature["inputs"]["image_bytes"]["dtype"] == "DT_STRING"
    shape = signature["outputs"]["boxes"]["tensor_shape"]
    assert [side["size"] for side in shape["dim"]] == ["-1", "4", "4"]


def test_rows_and_columns_give_the_same_values(server):
    path, data = "/v1/models/pets:predict", photo()
    _, rows = ask(server, path, {"instances": [{"image_bytes": b64(data)}]})
    _, plain = ask(server, path, {"instances": [b64(data)]})
    _, columns = ask(server, path, {"inputs": {"image_bytes": [b64(data)]}})
    assert rows == plain
    [row] = rows["predictions"]
    assert row["class_names"] == ["dog", "cat", "owl", ""]
    assert row["num_detections"] == 3 and row["errors"] == ""
    assert {name: [value] for name, value in row.items()} == columns["outputs"]


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("none", None, 404, "Could not find any versions of model none"),
        ("none:predict", {"instances": [b64(b"")]}, 404, "Servable not found for"),
        ("pets/versions/2:predict", {"instances": []}, 404, "Specific(pets, 2)"),
        ("pets:predict", b"{no json", 400, "JSON Parse error"),
        ("pets:predict", {"images": []}, 400, "Missing 'inputs' or 'instances' key"),
        ("pets:predict", {"instances": []}, 400, "at least one element"),
        ("pets:predict", {"instances": [{"x": 1, "y": 2}]}, 400, "named input"),
        ("pets:predict", {"instances": [{"b64": "?"}]}, 400, "base64"),
        (
            "pets:predict",
            {"instances": [b64(b"")], "signature_name": "no"},
            400,
            'Serving signature name: "no" not found in signature def',
        ),
        ("pets:classify", {"examples": []}, 400, "Malformed request: POST"),
    ],
)
def test_errors_are_json_with_the_key_error(server, path, body, status, message):
    got, answer = ask(server, f"/v1/models/{path}", body)
    assert got == status
    assert [*answer] == ["error"] and message in answer["error"]
