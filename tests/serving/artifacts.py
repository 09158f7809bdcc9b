"""Small models, their SavedModels, and the loader that TF Serving uses."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

import pipelines
import ssl_voc
from ssl_voc import serving
from ssl_voc.tasks import TASKS
from tests.tiny import build_localizer, randomize

NAMES = ("cat", "dog", "bus")
SIDE = 32


def build_small_detector(side=64, **arguments):
    """A detector on five convolutions whose boxes and scores are not all alike."""
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((side, side, 3))
    for _ in range(5):  # strides 2 to 32
        x = keras.layers.Conv2D(8, 3, 2, padding="same", activation="relu")(x)
    arguments = {"score_threshold": 0.001, "max_detections": 6, **arguments}
    model = ssl_voc.Detector(
        keras.Model(inputs, x), len(NAMES), channels=8, num_layers=1, **arguments
    )
    model.build()
    random = np.random.default_rng(0)
    for weight in model.head.weights:
        weight.assign(weight + random.normal(scale=0.05, size=weight.shape))
    return model


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
        ((_, place),) = definition.inputs.items()
        fetches = {name: item.name for name, item in definition.outputs.items()}
        return session.run(fetches, {place.name: inputs})

    try:
        yield ask
    finally:
        session.close()
