"""Comparison of batches as tensors and as arrays."""

import numpy as np


def assert_same(dataset, batches, strict=False):
    import tensorflow as tf

    for tensors, arrays in zip(dataset, batches, strict=strict):
        tf.nest.map_structure(np.testing.assert_array_equal, tensors, arrays)
