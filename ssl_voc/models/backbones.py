"""Backbones by family: networks from images in [0, 255] to the last feature map."""

import functools
import os
import warnings
from pathlib import Path

import keras

from ssl_voc.backbone_families import (
    FAMILIES,
    KERAS_CV,
    KERAS_CV_SIZES,
    family_of,
)
from ssl_voc.layers.fused_batch_normalization import FusedBatchNormalization
from ssl_voc.layers.silu import FusedSiLU
from ssl_voc.models.cloning import (
    clone_with_weights,
    copier_to,
    copy_layer,
    nested_layers,
)
from ssl_voc.models.imagenet_download import WeightsUnavailable
from ssl_voc.models.keras_cv_blocks import flattened
from ssl_voc.models.pretrained_weights import load_pretrained_weights, read_backbone

_PER_SAMPLE = (None, 1, 1, 1)  # noise shape of a dropout that drops whole branches


def backbone(name="EfficientNetB1", image_size=None, weights=None, drop_connect=0.0):
    """Builds a backbone for pretraining or fine-tuning.

    A network of `FAMILIES` without its top, or any Keras model file that ends in a
    feature map. Batch norm trains by `FusedBatchNormalization` with momentum 0.9 (the
    stock 0.99 leaves statistics of the random weights in a short run), SiLU by
    `FusedSiLU`, and stochastic depth is off unless asked for.

    Args:
        name: Member of a family, such as `"EfficientNetB1"`, `"ConvNeXtTiny"` or
            `"keras_cv:ResNet18V2Backbone"`; or the path of a `.keras` file whose
            architecture (and, if `weights` is `None`, whose weights) to take.
        image_size: Side of the square images in pixels; `None` takes any size.
        weights: `None` for random weights; `"imagenet"` (downloaded by Keras); a
            pretraining run's folder; a `.keras` file; or an `.h5` weights file without
            top, ImageNet's among them.
        drop_connect: Stochastic depth of the deepest block, in `[0, 1)`.

    Returns:
        Functional `keras.Model` from images `(batch, height, width, 3)` in `[0, 255]`
        to features `(batch, rows, columns, channels)`.

    Raises:
        ValueError: when the name is unknown, a named file is not a Keras model, the
            weights do not fit the backbone, or it has no stochastic depth to set.
        FileNotFoundError: when a named file does not exist.

    Reference:
        - [Tan and Le, 2019](https://arxiv.org/abs/1905.11946), EfficientNet
        - [Huang et al., 2016](https://arxiv.org/abs/1603.09382), stochastic depth
    """
    if not 0.0 <= drop_connect < 1.0:
        raise ValueError(
            "`drop_connect` is a probability below 1. "
            f"Received: drop_connect={drop_connect}"
        )
    name = str(name)
    build = None
    if name.endswith(".keras"):
        model = _from_file(name, image_size)
        dropper_of = _any_of
    else:
        family = family_of(name)
        build = functools.partial(_BUILDERS[family.builder], name, image_size)
        model = build(None)
        dropper_of = _DROPPERS.get(family.dropped_by)
    model = _rebuild_for_training(model, name, dropper_of, drop_connect)
    if weights is not None:
        load_pretrained_weights(model, build, weights)
    return model


def plain_backbone(model, image_size=None):
    """Copies a backbone into layers of Keras (and, of its backbones, KerasCV) only.

    What this returns can be saved and loaded where `ssl_voc` is not installed. The
    backbone itself holds fused layers: its file loads only after `from ssl_voc
    import layers`.

    Args:
        model: A model that `backbone` returned.
        image_size: Side of the images of the copy; by default as in `model`.

    Returns:
        Functional `keras.Model` with the same weights and features.
    """

    def plain(layer):
        if isinstance(layer, keras.layers.BatchNormalization):
            config = {**layer.get_config(), "synchronized": False}  # as of replicas
            return keras.layers.BatchNormalization.from_config(config)
        if isinstance(layer, FusedSiLU):
            return keras.layers.Activation(
                "silu", name=layer.name, dtype=layer.dtype_policy
            )
        return copy_layer(layer)

    inputs = image_size and keras.Input((image_size, image_size, 3))
    return clone_with_weights(model, plain, inputs)


def _from_file(path, image_size):
    path = Path(os.path.expanduser(path))
    if not path.is_file():
        raise FileNotFoundError(
            f"The backbone file does not exist. Received: name={str(path)!r}"
        )
    # The precision asked for now, not that of the run which wrote the file.
    copier = copier_to(keras.config.dtype_policy().name)
    inputs = keras.Input((image_size, image_size, 3))
    return clone_with_weights(read_backbone(path), copier, inputs)


def _rebuild_for_training(model, name, dropper_of, drop_connect):
    """Swaps in the fused batch norm and sets momentum and stochastic depth."""
    found = [(layer.name, dropper_of(layer)) for layer in model.layers if dropper_of]
    droppers = {name: dropper for name, dropper in found if dropper is not None}
    if drop_connect and not droppers:
        able = [family.names[0] for family in FAMILIES if family.dropped_by]
        raise ValueError(
            f"--drop-connect: {name} has no stochastic depth that could be set to "
            f"{drop_connect}. Leave it at 0, or choose a backbone that has it, such as "
            f"{', '.join(able)}."
        )
    # The rate rises from 0 at the first block to the full rate at the last; blocks
    # without a residual connection have none.
    rates = {
        layer: drop_connect * (index + 1) / len(droppers)
        for index, layer in enumerate(droppers)
    }

    def trainable_copy(layer):
        if type(layer) is keras.layers.BatchNormalization:
            config = {**layer.get_config(), "momentum": 0.9}
            return FusedBatchNormalization.from_config(config)
        if _is_silu(layer):
            return FusedSiLU(name=layer.name, dtype=layer.dtype_policy)
        if layer.name in rates:
            return droppers[layer.name](rates[layer.name])
        return copy_layer(layer)

    copy = clone_with_weights(model, trainable_copy)
    for layer in nested_layers(copy, include_self=False):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # also of those inside KerasCV's blocks
    return copy


# The families: how they are built.


def _build_application(name, image_size, weights):
    """A member of `keras.applications` whose preprocessing is part of its graph."""
    build = getattr(keras.applications, name)
    with warnings.catch_warnings():
        # MobileNetV3: weights of 224 px are those of every size.
        warnings.filterwarnings("ignore", ".*Weights for input shape")
        return build(
            include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
        )


def _build_resnet_v2(name, image_size, weights):
    """A ResNet V2 of `keras.applications`, which expects pixels in `[-1, 1]`."""
    inputs = keras.Input((image_size, image_size, 3))
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    build = getattr(keras.applications, name)
    model = build(include_top=False, weights=weights, input_tensor=scaled)
    return keras.Model(inputs, model.output, name=model.name)  # of one input, no list


def _build_keras_cv(name, image_size, weights):
    """A backbone of KerasCV, its pixels rescaled to `[0, 1]` inside."""
    if weights is not None:
        raise WeightsUnavailable(
            f"{weights!r} weights exist for keras.applications backbones only. "
            f"Received: name={name!r}"
        )
    import keras_cv

    # KerasCV's own classes of these names fetch their sizes from a server.
    name = name.removeprefix(KERAS_CV)
    class_name, settings = KERAS_CV_SIZES[name]
    model = getattr(keras_cv.models, class_name)(
        **settings,
        include_rescaling=True,
        input_shape=(image_size, image_size, 3),
        name=name.lower(),
    )
    return flattened(model)


# The families: how their residual branches are dropped.


def _dropout_of(layer):
    """EfficientNet: each branch that can be dropped ends in a dropout."""
    if not isinstance(layer, keras.layers.Dropout):
        return None
    if tuple(layer.noise_shape or ()) != _PER_SAMPLE:
        return None
    return lambda rate: _copy_with(layer, rate=rate)


def _identity_of(layer):
    """ConvNeXt: each branch ends in an identity, in whose place a dropout works."""
    is_activation = isinstance(layer, keras.layers.Activation)
    if not is_activation or not layer.name.endswith("_identity"):
        return None

    def drop(rate):
        if not rate:
            return copy_layer(layer)
        policy = layer.dtype_policy
        return keras.layers.Dropout(
            rate, noise_shape=_PER_SAMPLE, name=layer.name, dtype=policy
        )

    return drop


def _block_of(layer):
    """KerasCV's EfficientNetV2: a block drops its own branch, if it adds its input."""
    # What KerasCV calls so is the rate of a dropout.
    if not hasattr(layer, "survival_probability") or layer.strides != 1:
        return None
    if layer.input_filters != layer.output_filters:
        return None
    return lambda rate: _copy_with(layer, survival_probability=rate)


def _is_silu(layer):
    silu = keras.activations.silu
    return type(layer) is keras.layers.Activation and layer.activation is silu


def _any_of(layer):
    """Of a file, whose family is not known."""
    found = (dropper_of(layer) for dropper_of in _DROPPERS.values())
    return next((dropper for dropper in found if dropper is not None), None)


def _copy_with(layer, **changes):
    return layer.__class__.from_config({**layer.get_config(), **changes})


# From a name, the side of the images (`None` for any) and weights (`None` or
# `"imagenet"`) to a functional model from images in [0, 255] to the last feature map.
_BUILDERS = {
    "application": _build_application,
    "resnet_v2": _build_resnet_v2,
    "keras_cv": _build_keras_cv,
}
# From a layer at the end of a residual branch to a function of a rate, which makes the
# layer that drops the branch at that rate; `None` for other layers.
_DROPPERS = {"dropout": _dropout_of, "identity": _identity_of, "block": _block_of}
