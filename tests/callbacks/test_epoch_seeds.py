import keras
import numpy as np
from keras import ops

from ssl_voc.callbacks import EpochSeeds
from ssl_voc.layers import RandomGrayscale, RandomResizedCrop


def build_model():
    """A model with two generators, and weights of ones."""
    crop, gray = RandomResizedCrop(4, seed=1), RandomGrayscale(0.5, seed=1)
    dense = keras.layers.Dense(2, kernel_initializer="ones", bias_initializer="ones")
    return keras.Sequential([keras.Input((8, 8, 3)), crop, gray, dense])


def begin(model, seed, epoch):
    """Draws of both generators at the beginning of an epoch."""
    callback = EpochSeeds(seed)
    callback.set_model(model)
    callback.on_epoch_begin(epoch)
    return [
        ops.convert_to_numpy(layer.draw_uniform((4,)))
        for layer in model.layers
        if hasattr(layer, "draw_uniform")
    ]


def test_draws_follow_from_seed_epoch_and_generator_whatever_was_drawn_before():
    expected = begin(build_model(), seed=3, epoch=5)
    used = build_model()
    for epoch in range(5):
        begin(used, seed=3, epoch=epoch)
    used(np.zeros((2, 8, 8, 3), "float32"))
    np.testing.assert_array_equal(begin(used, seed=3, epoch=5), expected)
    assert all(np.all(weight == 1.0) for weight in used.get_weights())
    draws = np.concatenate([begin(used, *at) for at in ((0, 0), (0, 1), (1, 0))])
    assert len(np.unique(draws, axis=0)) == 6
