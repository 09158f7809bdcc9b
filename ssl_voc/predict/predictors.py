"""Predictors of encoded photos: a run, an exported SavedModel, or a server."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssl_voc.cli.errors import BadInput, as_bad_input
from ssl_voc.cli.native_log_filter import filter_native_logs
from ssl_voc.predict.base import PredictionError, Predictor
from ssl_voc.predict.photos import LoadedPhoto
from ssl_voc.runs.paths import refuse_missing
from ssl_voc.runs.version_folder import FACTS, versions_of
from ssl_voc.serving_client.address import read_address
from ssl_voc.serving_client.errors import ServingError
from ssl_voc.serving_client.prediction import Prediction, read_batch
from ssl_voc.serving_client.rest_client import ServingClient

INPUT_NAME = "image_bytes"


class SavedModelPredictor(Predictor):
    """Predicts by an exported SavedModel, with tensorflow alone, as a server does.

    Args:
        version: A version's folder, with `saved_model.pb`.

    Raises:
        BadInput: If it cannot be loaded, or takes no encoded images.
    """

    def __init__(self, version: Path):
        self.description = f"SavedModel {version}"
        with filter_native_logs():
            import tensorflow as tf

            try:
                self._model = tf.saved_model.load(str(version))
            except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
                raise BadInput(
                    f"--model: {version} cannot be loaded: {error}"
                ) from error
        self._function = self._model.signatures.get("serving_default")
        if self._function is None:
            raise BadInput(f"--model: {version} has no signature serving_default")
        inputs = self._function.structured_input_signature[1]
        _check_inputs(tuple(inputs), f"--model: {version}")

    def predict(self, photos: Sequence[LoadedPhoto]) -> list[Prediction]:
        """See `Predictor`."""
        import tensorflow as tf

        images = tf.constant([photo.data for photo in photos])
        try:
            outputs = self._function(**{INPUT_NAME: images})
            return read_batch({name: value.numpy() for name, value in outputs.items()})
        except (ValueError, tf.errors.OpError) as error:
            raise PredictionError(str(error)) from error


class ServerPredictor(Predictor):
    """Predicts by a model that TensorFlow Serving serves.

    Arguments are those of `BatchingClient`.

    Raises:
        BadInput: If the address is invalid, or the server is out of reach or does
            not serve such a model.
    """

    def __init__(self, url: str, model: str | None, **options: Any):
        try:
            address = read_address(url, model)
            client = ServingClient
            if address.is_grpc:
                from ssl_voc.serving_client.grpc_client import GrpcServingClient

                client = GrpcServingClient
            with filter_native_logs():
                self._client = client(address, **options)
        except (ValueError, ImportError) as error:
            raise BadInput(f"--server: {error}") from error
        try:
            _check_inputs(self._input_names(), f"--server: the model at {address}")
        except BaseException as error:
            self.close()
            if isinstance(error, ServingError):
                raise BadInput(f"--server: {error}") from error
            raise
        self.description = f"server {address}"

    def predict(self, photos: Sequence[LoadedPhoto]) -> list[Prediction]:
        """See `Predictor`."""
        try:
            return self._client.predict([photo.data for photo in photos])
        except ServingError as error:
            if error.is_about_the_request or error.status == 200:
                raise PredictionError(str(error)) from error
            raise

    def close(self) -> None:
        """See `Predictor`."""
        self._client.close()

    def _input_names(self):
        try:
            return self._client.input_names()
        except ServingError as error:
            # A gateway may let predictions through and nothing else.
            if error.status in (403, 405, 501):
                return ()
            raise


def open_predictor(
    model: str | None = None,
    server: str | None = None,
    *,
    batch_size: int = 8,
    tta: bool = False,
    max_detections: int = 0,
    **options: Any,
) -> Predictor:
    """Opens what predicts: the run or the SavedModel `model`, or a server.

    Args:
        model: Folder of a run or of a SavedModel; of a server the model's name.
        server: Address of a server, or None.
        batch_size: Most photos of a call.
        tta: Whether a run is asked by `AugmentedPredictor`.
        max_detections: See `RunPredictor`.
        **options: Further arguments of the server's `BatchingClient`.

    Raises:
        BadInput: If there is no such model, or it is no run and asked with `tta`.
    """
    if tta and server is not None:
        raise BadInput("--tta: a server answers one view; name a run by --model.")
    if server is not None:
        return ServerPredictor(server, model, batch_size=batch_size, **options)
    if model is None:
        raise BadInput(
            "--model: name the folder of a finetune run or of an exported SavedModel, "
            "or a server by --server."
        )
    folder = Path(os.path.expanduser(model))
    if folder.is_file():
        raise BadInput(
            f"--model: {folder} is a file. Name its folder, {folder.parent}."
        )
    refuse_missing(
        "--model",
        folder,
        "Expected a finetune run or an exported SavedModel; models on servers are "
        "named by --server URL.",
    )
    version = newest_version(folder)
    if version is not None:
        if tta:
            raise BadInput(
                f"--tta: {folder} is an export, which answers one view. Name the run "
                "that it was made of by --model."
            )
        return SavedModelPredictor(version)
    if (folder / "manifest.json").is_file():
        return _open_run(folder, batch_size, tta, max_detections)
    if any((part / FACTS).is_file() for part in versions_of(folder)):
        raise BadInput(
            f"--model: {folder} holds an export to onnx or litert, which predict does "
            "not run. Name the run that it was made of, or its export as a SavedModel."
        )
    raise BadInput(
        f"--model: {folder} is neither a finetune run (no manifest.json) nor an "
        "exported SavedModel (no saved_model.pb, nor a folder 1 with one)."
    )


def _open_run(folder: Path, *arguments: Any) -> Predictor:
    """Opens a run; the arguments are those of `RunPredictor`."""
    from ssl_voc.runs.finished_run import read_finished_run
    from ssl_voc.tasks import task_of

    finished = read_finished_run(folder, "--model")
    task_of(finished)
    with filter_native_logs(), as_bad_input():
        from ssl_voc.predict.keras_predictor import RunPredictor

        return RunPredictor(finished, *arguments)


def newest_version(folder: Path) -> Path | None:
    """The folder itself if it holds a SavedModel, else its highest numbered one.

    As for TensorFlow Serving, versions are folders named by a number. None without any.
    """
    if (folder / "saved_model.pb").is_file():
        return folder
    for version in reversed(versions_of(folder)):
        if (version / "saved_model.pb").is_file():
            return version
    return None


def _check_inputs(inputs: Sequence[str], what: str) -> None:
    """Refuses a model of other inputs; if they are unknown, its answers will tell."""
    if inputs and INPUT_NAME not in inputs:
        raise BadInput(
            f"{what} takes {', '.join(inputs)} in its signature "
            f"serving_default, not {INPUT_NAME}. Expected a model that ssl_voc.export "
            "wrote."
        )
