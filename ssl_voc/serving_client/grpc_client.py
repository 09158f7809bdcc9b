"""Client of TensorFlow Serving by gRPC, which sends images as they are.

It needs tensorflow-serving-api (the extra `grpc` of this package), and with it
tensorflow; otherwise it is used as `ServingClient`.
"""

from collections.abc import Sequence
from typing import Any

from ssl_voc.serving_client.address import ServerAddress, read_address
from ssl_voc.serving_client.batching import MEBIBYTE, BatchingClient
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
        url: `grpc://host:8500/NAME`, or a `ServerAddress` of gRPC.
        model: Name of the model, where `url` has none.
        timeout: Seconds that one request may take.
        retries: How often a request is repeated, as `ServingClient` does.
        batch_size: Most images of one request.
        max_request_bytes: Most bytes of images in one request; a larger image goes
            alone.
        max_response_bytes: An answer beyond is an error.
        metadata: Pairs of text that go with every request, such as an authorization.

    Raises:
        ValueError: For an invalid address or one of REST, or a number out of range.
        ImportError: In one line, where tensorflow-serving-api is not installed.
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
        metadata: Sequence[tuple[str, str]] = (),
    ):
        if isinstance(url, str):
            url = read_address(url, model)
        if not url.is_grpc:
            raise ValueError(
                f"{url} is not an address of gRPC such as grpc://host:8500/NAME"
            )
        try:
            import grpc
            from tensorflow_serving.apis import prediction_service_pb2_grpc
        except ImportError as error:
            raise ImportError(
                f"gRPC needs the package tensorflow-serving-api ({error}). Install it, "
                "pip install tensorflow-serving-api, or use REST, http://host:8501"
            ) from error
        super().__init__(url, timeout, retries, batch_size, max_request_bytes)
        self.call_metadata = tuple(metadata)
        host = url.server.partition("://")[2]
        # What is sent has no limit in gRPC, what comes back has one of 4 MiB.
        options = [("grpc.max_receive_message_length", max_response_bytes)]
        if url.is_encrypted:
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
