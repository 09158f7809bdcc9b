"""Maps of a saved localizer by every method, without tensorflow.

python tests/backends/explain_arrays.py PHOTOS.npz MODEL.keras MAPS.npz
"""

import sys

import keras
import numpy as np

import ssl_voc
import ssl_voc.models  # noqa: F401, the saved model is made of its classes

with np.load(sys.argv[1]) as file:
    photos = file["images"]
model = keras.models.load_model(sys.argv[2], compile=False)
maps = {
    f"{method} of {target}": ssl_voc.grad_cam(model, photos, target, method=method)
    for method in ("gradcam", "gradcam++", "layercam")
    for target in (1, "x2")
}
np.savez(sys.argv[3], tensorflow="tensorflow" in sys.modules, **maps)
