"""gRPC client against a service of tensorflow-serving-api's own messages."""

import sys

import numpy as np
import pytest

from ssl_voc.serving_client.errors import ServingError
from ssl_voc.serving_client.grpc_client import GrpcServingClient
from tests.serving_client.fixed_boxes import BOXES, encoded_photo

PHOTO = encoded_photo()


@pytest.fixture
def url(grpc_server):
    return f"grpc://127.0.0.1:{grpc_server.port}/pets"


@pytest.fixture
def client(url, monkeypatch):
    monkeypatch.setattr("ssl_voc.serving_client.errors.BACKOFF_MAX", 0.0)
    with GrpcServingClient(url, retries=2, batch_size=2) as client:
        yield client


def test_address_of_rest_and_missing_package_are_told(monkeypatch):
    with pytest.raises(ValueError, match="not an address of gRPC"):
        GrpcServingClient("http://localhost:8501/v1/models/pets")
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    with pytest.raises(ImportError, match="needs the package tensorflow-serving-api"):
        GrpcServingClient("grpc://localhost:1/pets")


def test_boxes_come_back_as_by_rest(client):
    bad, good = client.predict([b"no image", encoded_photo(40, 30)])
    assert bad.error == "not an image that can be decoded" and len(bad) == 0
    np.testing.assert_allclose(good.boxes, BOXES * [40, 30, 40, 30], rtol=1e-6)
    assert good.class_names == ("dog", "cat", "owl")
    assert good.image_size == (30, 40)


def test_request_names_model_version_and_signature(client, grpc_server, url):
    assert client.input_names() == ("image_bytes",)
    grpc_server.requests.clear()
    client.predict([PHOTO] * 3)
    requests = grpc_server.requests
    assert [len(r.inputs["image_bytes"].string_val) for r in requests] == [2, 1]
    spec = requests[0].model_spec
    assert (spec.name, spec.signature_name) == ("pets", "serving_default")
    assert not spec.HasField("version")
    with GrpcServingClient(f"{url}/7") as other:
        other.predict([PHOTO])
    assert requests[-1].model_spec.version.value == 7


def test_large_image_is_sent_and_large_answer_is_bounded(client, url):
    assert client.predict([PHOTO + bytes(6 * 2**20)])[0].image_size == (10, 20)
    with GrpcServingClient(url, retries=0, max_response_bytes=100) as other:
        with pytest.raises(ServingError, match="RESOURCE_EXHAUSTED"):
            other.predict([PHOTO])


def test_passing_trouble_is_met_by_another_try_and_a_refusal_is_not(
    client, grpc_server
):
    from grpc import StatusCode

    grpc_server.faults += [StatusCode.UNAVAILABLE, StatusCode.RESOURCE_EXHAUSTED]
    assert len(client.predict([PHOTO])[0]) == 3
    assert len(grpc_server.requests) == 3
    grpc_server.faults.append(StatusCode.INVALID_ARGUMENT)
    with pytest.raises(ServingError, match="INVALID_ARGUMENT: a fault$") as e:
        client.predict([PHOTO])
    assert e.value.status == 400 and len(grpc_server.requests) == 4


@pytest.mark.parametrize(
    ("port", "reason"),
    [(None, r"NOT_FOUND: Latest\(no\) not found"), (9, "127.0.0.1:9.* UNAVAILABLE")],
)
def test_model_or_server_that_is_not_there_is_told(grpc_server, port, reason):
    url = f"grpc://127.0.0.1:{port or grpc_server.port}/no"
    with GrpcServingClient(url, retries=0) as client:
        with pytest.raises(ServingError, match=reason):
            client.predict([PHOTO])


@pytest.mark.parametrize(("dtype", "size"), [(1, 7), (20, 2)])  # 20: a resource
def test_tensor_that_contradicts_itself_is_an_error(client, monkeypatch, dtype, size):
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    response = predict_pb2.PredictResponse()
    tensor = response.outputs["boxes"]
    tensor.CopyFrom(tf.make_tensor_proto([1.0, 2.0]))
    tensor.dtype, tensor.tensor_shape.dim[0].size = dtype, size
    monkeypatch.setattr(client, "_ask", lambda *_: response)
    with pytest.raises(ServingError):
        client.predict([PHOTO])
