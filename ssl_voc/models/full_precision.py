"""Copies of models in float32, whatever precision they were trained in."""

import keras

from ssl_voc.models.cloning import nested_layers, set_weights

_FULL = "float32"


def compute_dtypes(model) -> set[str]:
    """Names of the types that the layers of a model compute in."""
    return {layer.compute_dtype for layer in nested_layers(model)}


def full_precision(model):
    """A copy that computes in float32, with the weights of the model.

    Weights of mixed precision are float32 already: the copy differs by the rounding
    of what is computed between them.

    Args:
        model: A built `keras.Model` that can be saved.

    Returns:
        The copy, or the model itself where it computes in float32.
    """
    if compute_dtypes(model) == {_FULL}:
        return model
    config = keras.saving.serialize_keras_object(model)
    copy = keras.saving.deserialize_keras_object(_with_full_dtypes(config))
    set_weights(copy, model.get_weights())
    copy.jit_compile = model.jit_compile
    return copy


def _with_full_dtypes(config):
    """The same config, each policy of a layer replaced by float32."""
    if isinstance(config, list | tuple):
        return type(config)(map(_with_full_dtypes, config))
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return {**config, "config": {**config["config"], "name": _FULL}}
    return {
        key: _FULL
        if key == "dtype" and isinstance(value, str) and "float" in value
        else _with_full_dtypes(value)
        for key, value in config.items()
    }
