"""Configs of layers and models by the arguments of their constructors."""

import inspect

import keras


def constructor_arguments(layer):
    """Dictionary of what `layer.__init__` takes by name, each from its attribute."""
    parameters = inspect.signature(type(layer).__init__).parameters
    return {
        name: getattr(layer, name)
        for name in parameters
        if name not in ("self", "kwargs")
    }


def config_of_model(model):
    """Serialized name, dtype policy and constructor arguments of a subclassed model.

    `cls(**keras.saving.deserialize_keras_object(config))` makes the model again.
    """
    arguments = {"dtype": model.dtype_policy, **constructor_arguments(model)}
    serialize = keras.saving.serialize_keras_object
    return {"name": model.name, **{k: serialize(v) for k, v in arguments.items()}}
