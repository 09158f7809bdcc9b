"""Small models, their SavedModels, and the loader that TF Serving uses."""

import contextlib

import tensorflow as tf

import pipelines
import ssl_voc
from ssl_voc import serving
from ssl_voc.tasks import TASKS
from tests.tiny import (
    build_detector,
    build_localizer,
    randomize,
    with_usual_weights,
)

NAMES = ("cat", "dog", "bus")
SIDE = 32


def build_small_detector(side=64, **arguments):
    """A detector whose boxes and scores are not all alike."""
    arguments = {"score_threshold": 0.001, "max_detections": 6, **arguments}
    return with_usual_weights(build_detector(side, **arguments))


def build_small_localizer(**arguments):
    """A localizer whose answers differ from photo to photo."""
    model = build_localizer(**arguments)
    randomize(model)
    return model


def write(model, folder, **arguments):
    """Writes a model as a SavedModel; returns the folder."""
    task = "localize" if isinstance(model, ssl_voc.Localizer) else "detect"
    arguments = {
        "rank": TASKS[task].rank,
        "class_names": NAMES,
        "letterbox": pipelines.letterbox,
        "boxes_from_letterbox": pipelines.boxes_from_letterbox,
        "max_pixels": 1_000_000,
        **arguments,
    }
    serving.write_saved_model(model, folder, **arguments)
    return folder


@contextlib.contextmanager
def session_of(folder):
    """A function from inputs to the outputs of a signature, by a graph Session."""
    # Not as context manager: the graph would be the default of all that follows.
    session = tf.compat.v1.Session(graph=tf.Graph())
    # The loader says at length that there is `tf.saved_model.load`, too.
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(folder))

    def ask(inputs, signature="serving_default"):
        definition = loaded.signature_def[signature]
        if not isinstance(inputs, dict):
            inputs = dict.fromkeys(definition.inputs, inputs)
        fetches = {name: item.name for name, item in definition.outputs.items()}
        fed = {definition.inputs[name].name: inputs[name] for name in definition.inputs}
        return session.run(fetches, fed)

    try:
        yield ask
    finally:
        session.close()
