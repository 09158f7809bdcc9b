"""EfficientNet backbones: from images in [0, 255] to the last feature map."""

from pathlib import Path

import keras

from ssl_voc.layers.fused_batch_normalization import FusedBatchNormalization
from ssl_voc.models.cloning import clone_with_weights, copier_to
from ssl_voc.models.pretrained_weights import load_pretrained_weights, read_model

EFFICIENT_NETS = tuple(f"EfficientNetB{number}" for number in range(8))


def backbone(name="EfficientNetB1", image_size=None, weights=None, drop_connect=0.0):
    """Builds a backbone for pretraining or fine-tuning.

    A `keras.applications` EfficientNet without its top, or any Keras model file that
    ends in a feature map. Batch norm trains by `FusedBatchNormalization` with momentum
    0.9 (the stock 0.99 leaves statistics of the random weights in a short run), and
    stochastic depth is off unless asked for.

    Args:
        name: `"EfficientNetB0"` to `"EfficientNetB7"`, or the path of a `.keras` file
            whose architecture (and, if `weights` is `None`, whose weights) to take.
        image_size: Side of the square images in pixels; `None` takes any size.
        weights: `None` for random weights; `"imagenet"` (downloaded by Keras); a
            pretraining run's folder; a `.keras` file; or an `.h5` weights file without
            top, ImageNet's among them.
        drop_connect: Stochastic depth of the deepest block, in `[0, 1)`.

    Returns:
        Functional `keras.Model` from images `(batch, height, width, 3)` in `[0, 255]`
        to features `(batch, rows, columns, channels)`.

    Raises:
        ValueError: when the name is unknown or the weights do not fit the backbone.
        FileNotFoundError: when a named file does not exist.

    Reference:
        - [Tan and Le, 2019](https://arxiv.org/abs/1905.11946)
    """
    if not 0.0 <= drop_connect < 1.0:
        raise ValueError(
            "`drop_connect` is a probability below 1. "
            f"Received: drop_connect={drop_connect}"
        )
    if name in EFFICIENT_NETS:
        model = _efficient_net(name, image_size)
    elif str(name).endswith(".keras"):
        model = _from_file(name, image_size)
    else:
        raise ValueError(
            f"Unknown backbone. Expected one of {', '.join(EFFICIENT_NETS)} or the "
            f"path of a .keras file. Received: name={str(name)!r}"
        )
    model = _rebuild_for_training(model, drop_connect)
    if weights is not None:
        load_pretrained_weights(model, name, weights)
    return model


def plain_backbone(model):
    """Copies a backbone into one of Keras' own layers only.

    What this returns can be saved and loaded where `ssl_voc` is not installed. The
    backbone itself holds fused batch norms: its file loads only after `from ssl_voc
    import layers`.

    Args:
        model: A model that `backbone` returned.

    Returns:
        Functional `keras.Model` with the same weights and features.
    """

    def plain(layer):
        if isinstance(layer, FusedBatchNormalization):
            return keras.layers.BatchNormalization.from_config(layer.get_config())
        return layer.__class__.from_config(layer.get_config())

    return clone_with_weights(model, plain)


def _efficient_net(name, image_size):
    build = getattr(keras.applications, name)
    shape = (image_size, image_size, 3)
    return build(include_top=False, weights=None, input_shape=shape)


def _from_file(path, image_size):
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"The backbone file does not exist. Received: name={str(path)!r}"
        )
    # The precision asked for now, not that of the run which wrote the file.
    copier = copier_to(keras.config.dtype_policy().name)
    inputs = keras.Input((image_size, image_size, 3))
    return clone_with_weights(read_model(path), copier, inputs)


def _rebuild_for_training(model, drop_connect):
    """Swaps in the fused batch norm and sets momentum and stochastic depth."""
    drop_layers = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.Dropout) and layer.name.endswith("_drop")
    ]
    # The builder raises the rate from 0 at the first block to the full rate at the
    # last; blocks without a residual connection have none.
    rates = {
        layer.name: drop_connect * (index + 1) / len(drop_layers)
        for index, layer in enumerate(drop_layers)
    }

    def trainable_copy(layer):
        config = layer.get_config()
        if type(layer) is keras.layers.BatchNormalization:
            return FusedBatchNormalization.from_config({**config, "momentum": 0.9})
        if layer.name in rates:
            config["rate"] = rates[layer.name]
        return layer.__class__.from_config(config)

    return clone_with_weights(model, trainable_copy)
