"""gRPC service of one SavedModel by tensorflow-serving-api's own messages."""

import concurrent.futures
import contextlib

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.serving_client.serving_stub import LoadedModel


class GrpcStub(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Serves a model as `pets`.

    Attributes:
        requests: Every request.
        faults: Status codes that the next requests meet instead of an answer.
        port: Port of 127.0.0.1.
    """

    def __init__(self, folder):
        self.model = LoadedModel(folder)
        self.requests, self.faults = [], []

    def _record(self, request, context):
        self.requests.append(request)
        if self.faults:
            context.abort(self.faults.pop(0), "a fault")
        if request.model_spec.name != "pets":
            name = request.model_spec.name
            context.abort(grpc.StatusCode.NOT_FOUND, f"Latest({name}) not found")

    def Predict(self, request, context):
        self._record(request, context)
        assert request.model_spec.signature_name == "serving_default"
        [images] = map(tf.make_ndarray, request.inputs.values())
        response = predict_pb2.PredictResponse(model_spec=request.model_spec)
        for name, value in self.model.run(images).items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return response

    def GetModelMetadata(self, request, context):
        self._record(request, context)
        assert list(request.metadata_field) == ["signature_def"]
        signatures = get_model_metadata_pb2.SignatureDefMap()
        inputs = signatures.signature_def["serving_default"].inputs
        inputs[self.model.input_name].dtype = tf.string.as_datatype_enum
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.metadata["signature_def"].Pack(signatures)
        return response


@contextlib.contextmanager
def started_grpc_stub(folder):
    """A `GrpcStub` that listens until the block ends."""
    stub = GrpcStub(folder)
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(2),
        options=[("grpc.max_receive_message_length", -1)],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(stub, server)
    stub.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield stub
    server.stop(None).wait()
