"""Copies of functional models: with other layers, another size, the same weights."""

import functools

import keras


def clone_with_weights(model, clone_function=None, inputs=None, expand=None):
    """Rebuilds a functional model and gives it the weights of the original.

    Sequential models inside become layers of the copy's own graph: what is said of
    layers (their precision, batch norms, feature maps) then holds for all of them.

    Args:
        model: Functional or sequential `keras.Model` with one image input.
        clone_function: Optional function from each layer to its replacement, which
            must have weights of the same shapes.
        inputs: Optional `keras.Input` of the copy; by default one as in `model`.
        expand: Optional function from a layer to what it computes, in layers of the
            copy's own graph: a function of the copier of layers and of the input; None
            for a layer that stays one.

    Returns:
        The copy.
    """
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.input, model.output, name=model.name)
    replace = clone_function or copy_layer
    pairs = []

    def copy(layer):
        if isinstance(layer, keras.Sequential):
            return _chain([copy(part) for part in layer.layers])
        if isinstance(layer, keras.Model):
            return clone_with_weights(layer, clone_function)
        if expand and (compute := expand(layer)):
            return functools.partial(compute, copy)
        pairs.append((layer, replace(layer)))
        return pairs[-1][1]

    clone = keras.models.clone_model(model, input_tensors=inputs, clone_function=copy)
    for old, new in pairs:
        if isinstance(old, keras.layers.Layer) and old.weights:
            new.set_weights(old.get_weights())
            _keep_momentum(old, new)
    refresh_normalization(clone)
    return clone


def _keep_momentum(old, new):
    """Gives batch norms inside a composite layer, whose config has none, theirs."""
    inside = (nested_layers(layer, include_self=False) for layer in (old, new))
    for theirs, ours in zip(*inside, strict=False):
        if isinstance(theirs, keras.layers.BatchNormalization):
            ours.momentum = theirs.momentum


def resized(model, image_size):
    """A copy of a backbone that takes images of another size, with its weights.

    The copy computes what the backbone does, its paddings included, so that its weights
    are those of the backbone at its own size.

    Args:
        model: Functional `keras.Model` from images to features.
        image_size: Side of the square images in pixels; `None` takes any size.

    Returns:
        The copy.
    """
    return clone_with_weights(model, inputs=keras.Input((image_size, image_size, 3)))


def flatten(model):
    """A model without sequential models inside: itself, or such a copy of it."""
    nested = any(isinstance(layer, keras.Sequential) for layer in model.layers)
    return clone_with_weights(model) if nested else model


def _chain(layers):
    def call(inputs, mask=None):
        for layer in layers:
            inputs = layer(inputs)
        return inputs

    return call


def copy_layer(layer):
    """A new layer of the same config."""
    return layer.__class__.from_config(layer.get_config())


def copier_to(policy):
    """A `clone_function` that copies layers into another dtype policy."""

    def copy(layer):
        if not isinstance(layer, keras.layers.Layer):  # an operation, such as a sum
            return copy_layer(layer)
        return layer.__class__.from_config({**layer.get_config(), "dtype": policy})

    return copy


def set_weights(model, values):
    """`model.set_weights`, with the effect that it should have on every layer.

    Keras' `Normalization` computes with constants made from its weights, which
    `set_weights` leaves as they were.
    """
    model.set_weights(values)
    refresh_normalization(model)


def refresh_normalization(model):
    """Makes `Normalization` layers compute with the weights that they have."""
    for layer in normalization_layers(model):
        layer.finalize_state()


def normalization_layers(model):
    """The `Normalization` layers of a model, those of nested models too."""
    kind = keras.layers.Normalization
    return [layer for layer in nested_layers(model) if isinstance(layer, kind)]


def nested_layers(layer, include_self=True):
    """All layers of a model or layer, those of nested models and layers included.

    Args:
        layer: Model or layer.
        include_self: Whether it comes first in the list.
    """
    return list(layer._flatten_layers(include_self=include_self))
