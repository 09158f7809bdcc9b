"""Configs of layers and models by the arguments of their constructors."""

import inspect

import keras


def constructor_arguments(layer):
    """Dictionary of what `layer.__init__` takes by name, each from its attribute.

    A constructor with `**kwargs` also takes the arguments of its base class, up to
    those of Keras' own classes.
    """
    names = {}
    for base in type(layer).__mro__:
        if base.__module__.split(".")[0] == "keras":
            break
        if "__init__" not in vars(base):
            continue
        _, *parameters = inspect.signature(base.__init__).parameters.values()
        kinds = {parameter.name: parameter.kind for parameter in parameters}
        variadic = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
        names |= {name: None for name in kinds if kinds[name] not in variadic}
        if inspect.Parameter.VAR_KEYWORD not in kinds.values():
            break
    return {name: getattr(layer, name) for name in names}


class ConfiguredLayer(keras.layers.Layer):
    """Keras layer whose config holds what its constructor takes, by its attributes."""

    def get_config(self):
        return {**super().get_config(), **constructor_arguments(self)}
