"""`cell_offsets`: where cells look, of networks whose paddings are known."""

import keras
import numpy as np
import pytest

from ssl_voc.models.cell_offsets import cell_offsets
from tests import tiny


def chain(padding, size):
    """Maps of stride 2, 4 and 8 by convolutions that pad as given."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((size, size, 3))
    levels = []
    for _ in range(3):
        if padding == "both sides":
            x = keras.layers.ZeroPadding2D(1)(x)
        kernel = 2 if padding == "none" else 3
        pads = "same" if padding == "one side" else "valid"
        x = keras.layers.Conv2D(32, kernel, 2, padding=pads)(x)
        levels.append(x)
    return keras.Model(inputs, levels)


@pytest.mark.parametrize(
    ("padding", "size", "pixels"),
    [
        ("one side", 32, [0.5, 1.5, 3.5]),
        ("both sides", 32, [-0.5, -1.5, -3.5]),
        ("none", 32, [0.0, 0.0, 0.0]),
        ("one side", 40, [0.5, 1.5, 3.5]),
    ],
)
def test_offsets_are_those_of_the_paddings(padding, size, pixels):
    found = cell_offsets(chain(padding, size), size)
    np.testing.assert_allclose(found, np.array(pixels) / [2, 4, 8], atol=1e-3)


def test_deep_networks_look_nearly_half_a_cell_aside():
    model = tiny.build_deep_backbone(64, channels=32)
    levels = [model.get_layer(f"relu_{stage}").output for stage in (2, 3)]
    found = cell_offsets(keras.Model(model.input, levels), 64)
    np.testing.assert_allclose(found, [3.5 / 8, 7.5 / 16], atol=1e-3)
