"""KerasCV's backbones as graphs of Keras' own layers."""

import keras

from ssl_voc.models.cloning import clone_with_weights, copy_layer


def flattened(model):
    """A copy of a backbone whose layers can be replaced one by one, with its weights.

    The blocks of CSPDarkNet are one layer each: their batch norms and activations would
    stay those that Keras 3 trains slowly on a CPU, and a saved backbone would need
    KerasCV. Blocks of other networks stay as they are.

    Args:
        model: Backbone of KerasCV.

    Returns:
        Functional `keras.Model` that computes the same.

    Reference:
        - [Wang et al., 2019](https://arxiv.org/abs/1911.11929), cross-stage partial
          networks
    """
    return clone_with_weights(model, _without_code, expand=_cross_stage)


def _without_code(layer):
    """Keras loads no file that holds code, as the SiLU of KerasCV's DarkNet does."""
    if isinstance(layer, keras.layers.Lambda):
        return keras.layers.Activation("silu", name=layer.name)
    return copy_layer(layer)


def _cross_stage(layer):
    """What a `CrossStagePartial` computes; None for other layers."""
    if type(layer).__name__ != "CrossStagePartial":
        return None

    def compute(copy, inputs):
        x = copy(layer.darknet_conv1)(inputs)
        skipped = copy(layer.darknet_conv2)(inputs)
        convolutions = iter(layer.bottleneck_convs)
        for first, second in zip(convolutions, convolutions, strict=True):
            found = copy(second)(copy(first)(x))
            x = keras.layers.Add()([x, found]) if layer.residual else found
        joined = keras.layers.Concatenate()([x, skipped])
        return copy(layer.darknet_conv3)(joined)

    return compute
