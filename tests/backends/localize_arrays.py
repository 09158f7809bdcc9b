"""Asks, evaluates and trains a saved localizer on arrays, and saves what came of it.

python localize_arrays.py GIVEN.npz MODEL.keras COMPUTED.npz
"""

import sys

import keras
import numpy as np

import ssl_voc.models  # noqa: F401 registers what the file holds

given_file, model_file, computed_file = sys.argv[1:]
given = np.load(given_file)
targets = {name: given[name] for name in ("boxes", "classes")}
batch = {"images": given["images"], "bounding_boxes": targets}
model = keras.models.load_model(model_file)
computed = dict(model.predict(given["images"], verbose=0))
computed.update(model.evaluate(batch, verbose=0, return_dict=True))
# As a dictionary and apart: Keras builds its metrics from each in another way.
again = keras.models.load_model(model_file)
options = {"batch_size": 8, "epochs": 40, "shuffle": False, "verbose": 0}
history = model.fit(batch, **options).history
apart = again.fit(given["images"], targets, **options).history
evaluated = model.evaluate(given["images"], targets, verbose=0, return_dict=True)
model.save(given_file + ".keras")
reloaded = keras.models.load_model(given_file + ".keras")
computed.update(
    losses=history["loss"],
    losses_apart=apart["loss"],
    trained_iou=evaluated["boxes_mean_iou"],
    trained_top1=evaluated["classes_top1"],
    trained_boxes=model.predict(given["images"], verbose=0)["boxes"],
    reloaded_boxes=reloaded.predict(given["images"], verbose=0)["boxes"],
    tensorflow="tensorflow" in sys.modules,
)
np.savez(computed_file, **computed)
