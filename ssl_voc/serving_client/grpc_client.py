"""Client of TensorFlow Serving by gRPC, which sends images as they are.

It needs tensorflow-serving-api (the extra `grpc` of this package), and with it
tensorflow; otherwise it is used as `ServingClient`.
"""

from collections.abc import Sequence
from typing import Any

from ssl_voc.serving_client.batching import BatchingClient
from ssl_voc.serving_client.errors import (
    ServingError,
    should_retry_status,
    with_retries,
)
from ssl_voc.serving_client.prediction import Prediction, read_batch

# HTTP status of each gRPC code, as TensorFlow Serving's REST API has them.
_HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "CANCELLED": 499,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


class GrpcServingClient(BatchingClient):
    """Asks a served model for the objects in encoded images, by gRPC.

    Args:
        *args, **kwargs: Those of `BatchingClient`; the address is one of gRPC,
            `grpc://host:8500/NAME`.
        metadata: Pairs of text that go with every request, such as an authorization.

    Raises:
        ImportError: In one line, where tensorflow-serving-api is not installed.
    """

    def __init__(
        self, *args: Any, metadata: Sequence[tuple[str, str]] = (), **kwargs: Any
    ):
        super().__init__(*args, **kwargs)
        address = self.address
        if not address.is_grpc:
            raise ValueError(
                f"{address} is not an address of gRPC such as grpc://host:8500/NAME"
            )
        try:
            import grpc
            from tensorflow_serving.apis import prediction_service_pb2_grpc
        except ImportError as error:
            raise ImportError(
                f"gRPC needs the package tensorflow-serving-api ({error}). Install it, "
                "pip install tensorflow-serving-api, or use REST, http://host:8501"
            ) from error
        self.call_metadata = tuple(metadata)
        host = address.server.partition("://")[2]
        # What is sent has no limit in gRPC, what comes back has one of 4 MiB.
        options = [("grpc.max_receive_message_length", self.max_response_bytes)]
        if address.is_encrypted:
            credentials = grpc.ssl_channel_credentials()
            self._channel = grpc.secure_channel(host, credentials, options)
        else:
            self._channel = grpc.insecure_channel(host, options)
        self._service = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def input_names(self) -> tuple[str, ...]:
        """Inputs of the default signature; empty where the metadata do not tell."""
        from tensorflow_serving.apis import get_model_metadata_pb2 as messages

        request = messages.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._name_model(request)
        response = self._ask(self._service.GetModelMetadata, request)
        signatures = messages.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return tuple(signatures.signature_def["serving_default"].inputs)

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()

    def _predict_chunk(self, images: Sequence[bytes]) -> list[Prediction]:
        from tensorflow import make_ndarray
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        self._name_model(request)
        request.model_spec.signature_name = "serving_default"
        tensor = request.inputs["image_bytes"]
        tensor.dtype = 7  # DT_STRING
        tensor.tensor_shape.dim.add(size=len(images))
        tensor.string_val.extend(bytes(image) for image in images)
        response = self._ask(self._service.Predict, request)
        try:
            return read_batch(
                {name: make_ndarray(value) for name, value in response.outputs.items()}
            )
        except (TypeError, KeyError) as error:  # of a type that no array has
            raise ValueError(f"the response holds no arrays: {error}") from error

    def _name_model(self, request: Any) -> None:
        request.model_spec.name = self.address.model
        if self.address.version is not None:
            request.model_spec.version.value = self.address.version
        elif self.address.label is not None:
            request.model_spec.version_label = self.address.label

    def _ask(self, method: Any, request: Any) -> Any:
        import grpc

        def attempt():
            try:
                return method(
                    request, timeout=self.timeout, metadata=self.call_metadata
                )
            except grpc.RpcError as error:
                name = error.code().name
                status = _HTTP_STATUS.get(name, 500)
                raise ServingError(
                    f"{self.address.server} returned {name}: {error.details()}",
                    status,
                    should_retry_status(status),
                ) from error

        return with_retries(attempt, self.retries)
