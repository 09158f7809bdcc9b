"""Trains on NumPy arrays and prints what became of it, as one line of JSON.

python train_on_arrays.py PHOTOS.npz BACKBONE.keras POLICY
"""

import json
import sys

import keras
import numpy as np

import ssl_voc

photos_file, backbone_file, policy = sys.argv[1:]
keras.utils.set_random_seed(0)
keras.config.set_dtype_policy(policy)
photos = np.load(photos_file)["images"]
model = ssl_voc.ContrastiveModel(
    ssl_voc.backbone(backbone_file, image_size=32),
    # Colors stay as they are, so that they tell the photos apart within few steps.
    ssl_voc.layers.SimCLRAugmenter(
        32, (0.5, 1.0), color_strength=0.0, grayscale_rate=0.0, seed=0
    ),
)
model.compile(
    keras.optimizers.SGD(0.03, momentum=0.9),
    loss=ssl_voc.losses.NTXentLoss(0.2),
    metrics=[ssl_voc.metrics.ContrastiveAccuracy()],
)
history = model.fit(photos, batch_size=16, epochs=12, verbose=0).history
evaluated = model.evaluate(photos, batch_size=16, verbose=0, return_dict=True)
print(
    json.dumps(
        {
            "backend": keras.backend.backend(),
            "tensorflow": "tensorflow" in sys.modules,
            "jit_compile": bool(model.jit_compile),
            "loss_over_chance": history["loss_over_chance"],
            "contrastive_top1": history["contrastive_top1"],
            "evaluated": {name: float(value) for name, value in evaluated.items()},
            "dtypes": sorted({str(weight.dtype) for weight in model.weights}),
        }
    )
)
