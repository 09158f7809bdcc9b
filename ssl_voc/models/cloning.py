"""Copies of functional models: with other layers, another size, the same weights."""

import keras


def clone_with_weights(model, clone_function=None, inputs=None):
    """Rebuilds a functional model and gives it the weights of the original.

    Args:
        model: Functional or sequential `keras.Model` with one image input.
        clone_function: Optional function from each layer to its replacement, which
            must have weights of the same shapes.
        inputs: Optional `keras.Input` of the copy; by default one as in `model`.

    Returns:
        The copy.
    """
    clone = keras.models.clone_model(
        model, input_tensors=inputs, clone_function=clone_function
    )
    set_weights(clone, model.get_weights())
    return clone


def copier_to(policy):
    """A `clone_function` that copies layers into another dtype policy."""

    def copy(layer):
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
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            found.append(layer)
        elif isinstance(layer, keras.Model):
            found += normalization_layers(layer)
    return found
