"""Saved models, read with the classes that they are made of; never as code."""

import json
import warnings
import zipfile

import keras

from ssl_voc import devices
from ssl_voc.cli.errors import is_out_of_memory

_LONGEST_REASON = 200  # characters: Keras quotes whole configs
_KERAS = ("keras", "keras_cv", "builtins")  # the last: Keras' functions by name
# Keras' layers that load other files, as graphs or pickles.
_LOADING = ("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
_LARGEST_CONFIG = 64 * 2**20  # bytes: what is larger was made to fill the memory


class UnsafeModel(ValueError):
    """A file that holds code, or names what is no part of Keras nor registered."""


def load_model(path, kind=keras.Model):
    """Loads a `.keras` file, ready to predict.

    Importing `ssl_voc.models` registers the classes of this package. Nothing in the
    file is run as code, and no module is imported because the file names it, whatever
    `keras.config.enable_unsafe_deserialization` allows.

    Args:
        path: Path of the file.
        kind: Class that the model must be of.

    Returns:
        `keras.Model`, not compiled; XLA is used as `devices.should_jit_compile` says.

    Raises:
        ValueError: naming the file, when it is damaged, not a Keras model, or holds a
            model of another kind; `UnsafeModel` when it holds code.
    """
    try:
        _refuse_code(path)
        with warnings.catch_warnings():
            # KerasCV's DarkNet blocks are built when they are called.
            warnings.filterwarnings("ignore", r"`build\(\)` was called on layer")
            model = keras.models.load_model(path, compile=False, safe_mode=True)
    except (ImportError, UnsafeModel):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise  # not for damage to the file
        # A damaged file fails as zip, JSON, HDF5 or graph, each in its own way.
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:_LONGEST_REASON]
        raise ValueError(
            f"{path} cannot be loaded as a Keras model. The file is damaged or of "
            f"another kind: copy or train it again. {reason}"
        ) from error
    if not isinstance(model, kind):
        raise ValueError(
            f"{path} holds a {type(model).__name__}; expected a {kind.__name__}."
        )
    # Of the device, not of the process that saved the file.
    model.jit_compile = devices.should_jit_compile("auto")
    return model


def _refuse_code(path):
    """Refuses a file by what its config names, before Keras makes objects of it.

    Raises:
        UnsafeModel: naming the first part that is code or unknown.
        Exception: of any kind, when the file is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("config.json").file_size > _LARGEST_CONFIG:
            raise ValueError("config.json is too large for a model's.")
        config = json.loads(archive.read("config.json"))
    for part in _objects_in(config):
        if part["class_name"] == "__lambda__":
            raise UnsafeModel(
                f"{path} holds code (a Lambda), which is never run. Expected a model "
                "of Keras' layers: replace the Lambda by one and save the model again."
            )
        if part["class_name"] in _LOADING:
            raise UnsafeModel(
                f"{path} holds a {part['class_name']}, which would load code of other "
                "frameworks and files. Expected a model of Keras' other layers."
            )
        module, name = part.get("module"), part.get("registered_name")
        is_known = not module or str(module).split(".")[0] in _KERAS
        if not is_known and keras.saving.get_registered_object(str(name)) is None:
            is_function = part["class_name"] == "function"
            what = part.get("config") if is_function else part["class_name"]
            raise UnsafeModel(
                f"{path} names {module}.{what}, which is no part "
                "of Keras and is not imported. Expected a model of Keras' layers; a "
                "script may register its own by register_keras_serializable."
            )


def _objects_in(config):
    """All parts of a config that stand for a layer, a function or another object."""
    waiting = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "class_name" in part:
                yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
