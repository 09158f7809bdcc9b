"""The layer whose feature map a heat map explains, and access to its output."""

import contextlib
import threading

import keras

from ssl_voc.models.cloning import nested_layers
from ssl_voc.models.pyramid import feature_levels

# One at a time: what is watched is the layer itself, which threads share.
_WATCHING = threading.Lock()


def find_layer(model, layer=None):
    """Finds a layer of a model, however deep it is nested.

    Args:
        model: Keras model. With a `backbone`, as a `Localizer` has, the layer is looked
            for there first.
        layer: `None` for the last feature map: the output of the backbone, or the last
            map of a functional model that has more than one cell. Otherwise the name
            of a layer, a Keras layer, or an integer stride: the deepest feature map of
            that stride in the backbone.

    Returns:
        The Keras layer (or operation) whose output is the feature map.

    Raises:
        ValueError: when the model has no such layer.
    """
    backbone = getattr(model, "backbone", model)
    if layer is None:
        found = _last_map(backbone)
        if found is None:
            raise ValueError(
                f"The model {model.name} has no feature map (batch, rows, columns, "
                "channels) that can be found without help: name one by `layer`."
            )
        return found
    if isinstance(layer, int):
        if layer < 1:
            raise ValueError(f"A stride is at least 1. Received: layer={layer}")
        # A feature map of the graph knows the layer that made it.
        return feature_levels(backbone, [layer]).outputs[0]._keras_history.operation
    if not isinstance(layer, str):
        return layer
    inside = nested_layers(backbone, include_self=False)
    for part in (*inside, *nested_layers(model, include_self=False)):
        if part.name == layer:
            return part
    maps = [part.name for part in inside if _is_map(part)]
    raise ValueError(
        f"The model {model.name} has no layer named {layer!r}. Its last feature "
        f"maps are: {', '.join(maps[-5:]) or 'none'}."
    )


def find_in_copy(model, layer, copy):
    """Finds the layer of a copy that stands where `find_layer` finds one in a model.

    Names that Keras numbers are others in a copy.

    Args:
        model: Keras model.
        layer: `None`, a layer's name or a stride, see `find_layer`.
        copy: Model of the same config.
    """
    if not isinstance(layer, str):
        return find_layer(copy, layer)
    place = nested_layers(model).index(find_layer(model, layer))
    return nested_layers(copy)[place]


@contextlib.contextmanager
def watching(layer, change):
    """Lets `change` replace what a layer returns; yields the list of what it returned.

    It sees the layer at work in whatever model calls it, so that nested models need no
    new graph.
    """
    outputs, call = [], layer.call

    def watched(*args, **kwargs):
        outputs.append(change(call(*args, **kwargs)))
        return outputs[-1]

    with _WATCHING, _replaced(layer, "call", watched):
        yield outputs


def without_final_activation(model):
    """Context in which a classifier that ends in softmax or sigmoid returns logits.

    A saturated probability has no gradient to explain it by. Models that return logits
    are left as they are.
    """
    last = model
    while isinstance(last, keras.Model):
        last = (_operations(last) or [None])[-1]
    squashing = (keras.activations.softmax, keras.activations.sigmoid)
    if getattr(last, "activation", None) in squashing:
        return _replaced(last, "activation", keras.activations.linear)
    # Keras' layer, or an operation: keras.ops.softmax and sigmoid of a graph.
    if type(last).__name__ in ("Softmax", "Sigmoid"):
        return _replaced(last, "call", lambda logits, mask=None: logits)
    return contextlib.nullcontext()


@contextlib.contextmanager
def _replaced(thing, name, value):
    """Sets an attribute, and brings back what was there."""
    own = vars(thing).get(name)
    setattr(thing, name, value)
    try:
        yield
    finally:
        if own is None:
            delattr(thing, name)
        else:
            setattr(thing, name, own)


def _last_map(model):
    """The last layer of the graph with a map of more than one cell, nested or not."""
    for layer in reversed(_operations(model)):
        if isinstance(layer, keras.Model):
            found = _last_map(layer)
            if found is not None:
                return found
        elif _is_map(layer):
            return layer
    return None


def _operations(model):
    """Layers and plain operations, such as the sum that ends ConvNeXt's blocks."""
    return getattr(model, "operations", getattr(model, "layers", []))


def _is_map(layer):
    try:
        output = layer.output
    except (AttributeError, ValueError):  # of no graph, or of several
        return False
    if not isinstance(output, keras.KerasTensor) or len(output.shape) != 4:
        return False
    is_input = isinstance(layer, keras.layers.InputLayer)
    return not is_input and tuple(output.shape[1:3]) != (1, 1)
