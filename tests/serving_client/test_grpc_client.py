"""The client by gRPC, against a service of tensorflow-serving-api's own protos."""

import concurrent.futures
import sys

import numpy as np
import pytest

from ssl_voc.serving_client.errors import ServingError
from ssl_voc.serving_client.grpc_client import GrpcServingClient
from tests.serving_client.fixed_boxes import BOXES, save_model
from tests.serving_client.serving_stub import ServedModel
from tests.serving_client.test_rest import photo

MIB = 2**20


def test_missing_package_is_told_in_one_line(monkeypatch):
    for name in ("tensorflow_serving", "tensorflow_serving.apis"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="needs the package tensorflow-serving-api"):
        GrpcServingClient("grpc://localhost:1/pets")


def test_address_of_rest_is_refused():
    with pytest.raises(ValueError, match="no address of gRPC"):
        GrpcServingClient("http://localhost:8501/v1/models/pets")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A gRPC server that runs the model, and what it was asked."""
    pytest.importorskip(
        "tensorflow_serving.apis", reason="tensorflow-serving-api is not installed"
    )
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import (
        get_model_metadata_pb2,
        predict_pb2,
        prediction_service_pb2_grpc,
    )

    folder = tmp_path_factory.mktemp("served")
    save_model(folder / "3")

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def __init__(self):
            self.model = ServedModel(folder)
            self.requests, self.faults = [], []

        def _meet_fault(self, request, context):
            self.requests.append(request)
            if self.faults:
                context.abort(self.faults.pop(0), "a fault")
            if request.model_spec.name != "pets":
                name = request.model_spec.name
                context.abort(grpc.StatusCode.NOT_FOUND, f"Latest({name}) not found")

        def Predict(self, request, context):
            self._meet_fault(request, context)
            inputs = {
                name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()
            }
            outputs = self.model.run(request.model_spec.signature_name, inputs)
            response = predict_pb2.PredictResponse(model_spec=request.model_spec)
            for name, value in outputs.items():
                response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
            return response

        def GetModelMetadata(self, request, context):
            self._meet_fault(request, context)
            assert list(request.metadata_field) == ["signature_def"]
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for name, value in self.model.graph.signature_def.items():
                signatures.signature_def[name].CopyFrom(value)
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.metadata["signature_def"].Pack(signatures)
            return response

    service = Service()
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(2),
        options=[("grpc.max_receive_message_length", -1)],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
    service.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield service
    server.stop(None).wait()


@pytest.fixture
def client(service):
    service.requests.clear()
    service.faults.clear()
    url = f"grpc://127.0.0.1:{service.port}/pets"
    with GrpcServingClient(
        url, retries=2, batch_size=2, sleep=lambda seconds: None
    ) as client:
        yield client


def test_boxes_come_back_as_by_rest(client):
    bad, good = client.predict([b"no image", photo(40, 30)])
    assert bad.error == "not an image that can be decoded" and len(bad) == 0
    np.testing.assert_allclose(good.boxes, BOXES * [40, 30, 40, 30], rtol=1e-6)
    assert good.class_names == ("dog", "cat", "owl")
    assert good.image_size == (30, 40)


def test_request_names_model_version_and_signature(client, service):
    client.predict([photo()] * 3)
    assert [len(r.inputs["image_bytes"].string_val) for r in service.requests] == [2, 1]
    spec = service.requests[0].model_spec
    assert (spec.name, spec.signature_name) == ("pets", "serving_default")
    assert not spec.HasField("version")
    with GrpcServingClient(f"grpc://127.0.0.1:{service.port}/pets/7") as other:
        other.predict([photo()])
    assert service.requests[-1].model_spec.version.value == 7


def test_inputs_are_read_from_the_metadata(client):
    assert client.input_names() == ("image_bytes",)


def test_large_image_is_sent_and_large_answer_is_bounded(client, service):
    large = photo() + bytes(6 * MIB)
    assert client.predict([large])[0].image_size == (10, 20)
    url = f"grpc://127.0.0.1:{service.port}/pets"
    with GrpcServingClient(url, retries=0, max_response_bytes=100) as other:
        with pytest.raises(ServingError, match="RESOURCE_EXHAUSTED"):
            other.predict([photo()])


def test_passing_trouble_is_met_by_another_try(client, service):
    import grpc

    code = grpc.StatusCode
    service.faults += [code.UNAVAILABLE, code.RESOURCE_EXHAUSTED]
    assert len(client.predict([photo()])[0]) == 3
    assert len(service.requests) == 3


def test_refused_request_is_not_repeated(client, service):
    import grpc

    service.faults.append(grpc.StatusCode.INVALID_ARGUMENT)
    with pytest.raises(ServingError, match="answers INVALID_ARGUMENT: a fault$") as e:
        client.predict([photo()])
    assert e.value.status == 400 and len(service.requests) == 1


def test_unknown_model_is_told(service):
    with GrpcServingClient(f"grpc://127.0.0.1:{service.port}/no") as client:
        with pytest.raises(ServingError, match=r"NOT_FOUND: Latest\(no\) not found"):
            client.predict([photo()])


def test_nobody_listening_is_told():
    pytest.importorskip(
        "tensorflow_serving.apis", reason="tensorflow-serving-api is not installed"
    )
    with GrpcServingClient("grpc://127.0.0.1:9/a", retries=0) as client:
        with pytest.raises(ServingError, match="127.0.0.1:9 answers UNAVAILABLE"):
            client.predict([photo()])


def test_tensor_that_contradicts_itself_is_an_error(client, monkeypatch):
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    def answer(dtype, size):
        response = predict_pb2.PredictResponse()
        tensor = response.outputs["boxes"]
        tensor.CopyFrom(tf.make_tensor_proto([1.0, 2.0]))
        tensor.dtype, tensor.tensor_shape.dim[0].size = dtype, size
        return response

    for dtype, size in ((tf.float32.as_datatype_enum, 7), (20, 2)):  # 20: a resource
        monkeypatch.setattr(client, "_ask", lambda *_: answer(dtype, size))  # noqa: B023
        with pytest.raises(ServingError):
            client.predict([photo()])
