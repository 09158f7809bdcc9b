"""Saved models, read with the classes that they are made of."""

import warnings

import keras

from ssl_voc import devices

_LONGEST_REASON = 200  # characters: Keras quotes whole configs
# Errors of a backend whose device is full, by the names of their classes.
_OUT_OF_MEMORY = ("ResourceExhaustedError", "OutOfMemoryError")


def load_model(path, kind=keras.Model):
    """Loads a `.keras` file, ready to predict.

    Importing `ssl_voc.models` registers the classes of this package. Nothing in the
    file is run as code.

    Args:
        path: Path of the file.
        kind: Class that the model must be of.

    Returns:
        `keras.Model`, not compiled; XLA is used as `devices.should_jit_compile` says.

    Raises:
        ValueError: naming the file, when it is damaged, not a Keras model, or holds a
            model of another kind.
    """
    try:
        with warnings.catch_warnings():
            # KerasCV's DarkNet blocks are built when they are called.
            warnings.filterwarnings("ignore", r"`build\(\)` was called on layer")
            model = keras.models.load_model(path, compile=False, safe_mode=True)
    except (MemoryError, ImportError):
        raise  # not for the file
    except Exception as error:
        if type(error).__name__ in _OUT_OF_MEMORY:
            raise
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
    # Keras would compile by XLA on its own, which is slower on a CPU.
    model.jit_compile = devices.should_jit_compile("auto")
    return model
