"""The global dtype policy of Keras, for a while."""

import contextlib

import keras


@contextlib.contextmanager
def dtype_policy(name):
    """Sets the global policy, and puts back what was there before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
