"""Where the cells of feature maps look, beside the centers of an even division."""

import math

import keras
import numpy as np
from keras import ops

from ssl_voc.models.cloning import clone_with_weights, copier_to, nested_layers

# Pixels: around stripes, so that no border is near; and of rows, which say nothing.
_LEAST_WIDTH, _HEIGHT = 256, 64
# Above the mean of all preprocessings: what is positive stays positive.
_BRIGHT, _BRIGHTER = 200.0, 255.0
_NEUTRAL = {"gamma": 1.0, "beta": 0.0, "bias": 0.0, "moving_mean": 0.0}
_NEUTRAL |= {"moving_variance": 1.0}
_LEAST = 1e-30


def cell_offsets(levels, image_size):
    """Measures how far cells look beside the centers of an even division.

    A convolution of stride 2 that pads an even size pads it on one side only: its cells
    look half a pixel of its input to the right and down, in Keras and TensorFlow, and
    after several of them nearly half a cell. Between two views, one of them mirrored,
    that is nearly a whole cell. Bright stripes tell it, shown to a copy whose filters
    are all averages, so that it follows from sizes, strides and paddings alone: a cell
    looks at the middle of the stripes that change it.

    Args:
        levels: Functional `keras.Model` from images in `[0, 255]` to the list of
            feature maps.
        image_size: Side of the images in pixels, which decides how sizes are padded. Of
            one that is no multiple of the strides the mean over the map is meant.

    Returns:
        Float32 array `(number of maps,)`, in cells, positive to the right and down;
        about `0.5 - 0.5 / stride` where convolutions pad as above; 0 where cells do not
        overlap, and of networks with layer normalization, which makes nothing of
        averages.
    """
    if any(
        isinstance(layer, keras.layers.LayerNormalization)
        for layer in nested_layers(levels)
    ):
        return np.zeros(len(levels.outputs), "float32")
    # Halved as often, a size that differs by a multiple of 64 is as even.
    width = image_size + 64 * math.ceil(max(0, _LEAST_WIDTH - image_size) / 64)
    wide = clone_with_weights(
        levels, copier_to("float32"), keras.Input((_HEIGHT, width, 3))
    )
    _average(wide)
    strides = [width / level.shape[2] for level in wide.outputs]
    widest = round(max(strides))
    places = width // 2 - widest // 2 + np.arange(widest)
    # The last image has no stripe.
    images = np.full((widest + 1, _HEIGHT, width, 3), _BRIGHT, "float32")
    images[np.arange(widest), :, places] = _BRIGHTER
    offsets = []
    for level, stride in zip(wide(images, training=False), strides, strict=True):
        level = ops.convert_to_numpy(level).astype("float64")
        # Squared: what a stripe does to the whole map, by gates, counts little.
        change = np.square(level[:-1] / np.maximum(level[-1:], _LEAST) - 1.0)
        change = change.sum(axis=(1, 3))
        found = change @ np.arange(change.shape[1]) / change.sum(axis=1)
        offsets.append(np.mean((places + 0.5) / stride - 0.5 - found))
    return np.array(offsets, "float32")


def _average(model):
    """Makes every filter of a model an average, and every normalization neutral."""
    for weight in model.weights:
        name = weight.path.rpartition("/")[2]
        if name == "kernel":
            # (rows, columns, inputs, outputs), of depthwise ones an input each.
            weight.assign(np.ones(weight.shape) / np.prod(weight.shape[:-1]))
        elif name in _NEUTRAL:
            weight.assign(np.full(weight.shape, _NEUTRAL[name]))
