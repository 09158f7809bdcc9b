"""Base class of models that their constructors' arguments make again."""

import keras

from ssl_voc.layers.constructor_arguments import constructor_arguments


class ConfiguredModel(keras.Model):
    """Keras model whose config holds what its constructor takes, by its attributes.

    What the model is called with is not cast: in half precision pixels would be rounded
    before they are augmented, and boxes to whole pixels.

    Args:
        **kwargs: `name` and `dtype` of `keras.Model`.
    """

    def __init__(self, **kwargs):
        super().__init__(**{"autocast": False, **kwargs})

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        arguments = {"dtype": self.dtype_policy, **constructor_arguments(self)}
        return {"name": self.name, **{k: serialize(v) for k, v in arguments.items()}}

    @classmethod
    def from_config(cls, config):
        return cls(**keras.saving.deserialize_keras_object(config))
