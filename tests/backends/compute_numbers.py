"""What must not depend on the backend, computed from given arrays.

python compute_numbers.py GIVEN.npz BACKBONE.keras COMPUTED.npz
"""

import sys

import keras
import numpy as np

import ssl_voc


def compute_numbers(given, backbone_file):
    """Returns a dictionary of NumPy arrays.

    Args:
        given: Mapping with `photos`, uint8 `(batch, height, width, 3)`; `boxes`, float
            `(batch, 4)`, relative xyxy; `projections`, float `(2 * batch, dimensions)`.
        backbone_file: A `.keras` backbone.
    """
    photos = given["photos"].astype("float32")
    backbone = ssl_voc.backbone(backbone_file, image_size=32)
    crops = ssl_voc.layers.crop_and_resize(photos, given["boxes"], (32, 32))
    projections_a, projections_b = np.split(given["projections"], 2)
    accuracy = ssl_voc.metrics.ContrastiveAccuracy()
    accuracy.update_state(projections_a, projections_b)
    numbers = {
        "crops": crops,
        "features": backbone(crops, training=False),
        "batch_features": backbone(crops, training=True),
        "moving_statistics": keras.ops.concatenate(
            [keras.ops.ravel(weight) for weight in backbone.non_trainable_weights]
        ),
        "nt_xent": ssl_voc.losses.nt_xent(projections_a, projections_b, 0.1),
        "contrastive_top1": accuracy.result(),
        "weights_after_lars": _step_of_lars(given["projections"]),
    }
    return {name: keras.ops.convert_to_numpy(value) for name, value in numbers.items()}


def _step_of_lars(values):
    kernel = keras.Variable(values.astype("float32"))
    optimizer = ssl_voc.optimizers.LARS(0.5, momentum=0.9)
    for _ in range(2):
        optimizer.apply([keras.ops.cos(kernel)], [kernel])
    return kernel


if __name__ == "__main__":
    given_file, backbone_file, computed_file = sys.argv[1:]
    np.savez(computed_file, **compute_numbers(np.load(given_file), backbone_file))
