"""Pretrained weights of a backbone, checked by the features they give."""

import os
from pathlib import Path

import keras
import numpy as np

from ssl_voc.models.cloning import (
    clone_with_weights,
    copier_to,
    flatten,
    nested_layers,
    normalization_layers,
    refresh_normalization,
    set_weights,
)
from ssl_voc.models.imagenet_download import WeightsUnavailable, build_with_imagenet
from ssl_voc.models.loading import load_model
from ssl_voc.runs.json_files import read_json_dict

# What `keras.applications` multiplies into its ImageNet graphs: see `_fold_rescaling`.
IMAGENET_DEVIATIONS = np.array([0.229, 0.224, 0.225], dtype="float32")
_SIZE_OF_ANY = 64  # where a backbone takes images of any size


def load_pretrained_weights(model, build, weights):
    """Loads weights into a backbone, or leaves it as it was and says why not.

    Args:
        model: Backbone, as `ssl_voc.backbone` builds it.
        build: Function of `None` or `"imagenet"` to the graph that Keras builds for
            these weights; `None` where the backbone comes from a file.
        weights: `"imagenet"`, a run folder, a `.keras` file or an `.h5` file.

    Raises:
        ValueError: when the weights are of another architecture, or when the features
            after loading are not those of the weights' own model and record.
        FileNotFoundError: when there is no such file.
    """
    if weights == "imagenet":
        _take_over(_imagenet_model(model, build), model, "imagenet")
        return
    origin = Path(os.path.expanduser(weights))
    path = origin / "backbone.keras" if origin.is_dir() else origin
    if not path.is_file():
        raise FileNotFoundError(
            "Weights not found. Expected 'imagenet', the folder of a finished "
            "pretraining run, a .keras file or an .h5 weights file. "
            f"Received: weights={str(weights)!r}"
        )
    if path.suffix == ".keras":
        _take_over(read_backbone(origin), model, path)
    elif path.suffix == ".h5":
        _take_over(_model_of_weights_file(model, build, path), model, path)
    else:
        raise ValueError(
            "Weights must be a run folder, a .keras or an .h5 file. "
            f"Received: weights={str(weights)!r}"
        )


def read_backbone(path):
    """Reads a model that ends in one feature map.

    Args:
        path: Path of a `.keras` file, or of the folder of a finished pretraining, whose
            record of features is then compared.

    Raises:
        ValueError: naming the file, when it is not a Keras model, one of another kind,
            or not the one of the record.
    """
    path, recorded = Path(path), None
    if path.is_dir():
        manifest = read_json_dict(path / "manifest.json")
        recorded = manifest.get("backbone_fingerprint")
        path = path / "backbone.keras"
    model = load_model(path)
    # A subclassed model, such as `ContrastiveModel`, has no such attribute.
    outputs = getattr(model, "outputs", None) or ()
    shapes = [tuple(output.shape) for output in outputs]
    if len(shapes) != 1 or len(shapes[0]) != 4:
        raise ValueError(
            f"{path} must hold a backbone: a functional model that ends in one feature "
            "map (batch, rows, columns, channels). Of a ContrastiveModel, save "
            f"`model.backbone`. Received: {model.__class__.__name__} with output "
            f"shapes {shapes or 'unknown'}"
        )
    _check_record(model, recorded, path)
    return model


def fingerprint(model, image_size=None):
    """Pooled features of one fixed image, to check that weights are in place.

    Computed in float32 whatever the policy of the backbone, so that fingerprints can
    be compared across policies; and at a given size, across sizes.

    Args:
        model: Backbone from images in `[0, 255]` to feature maps.
        image_size: Side of the image in pixels; by default that of the backbone.

    Returns:
        Float array `(9,)`: eight entries of the pooled features, evenly spread, and
        the norm of all of them.
    """
    size = image_size or model.input_shape[1] or _SIZE_OF_ANY
    rows, columns = np.mgrid[0:size, 0:size] / size
    image = np.stack([rows, columns, np.sin(20 * rows * columns) / 2 + 0.5], axis=-1)
    layers = nested_layers(model, include_self=False)
    is_exact = all(layer.compute_dtype == "float32" for layer in layers)
    if not is_exact or model.input_shape[1] not in (None, size):
        inputs = keras.Input((size, size, 3))
        model = clone_with_weights(model, copier_to("float32"), inputs)
    features = model(255.0 * image[None].astype("float32"), training=False)
    pooled = keras.ops.convert_to_numpy(features).mean(axis=(0, 1, 2))
    entries = pooled[np.linspace(0, len(pooled) - 1, 8).astype(int)]
    return np.append(entries, np.linalg.norm(pooled)).astype("float64")


def _check_record(source, recorded, path):
    if recorded is None:
        return
    found = fingerprint(source)
    # Kernels of other devices and versions round otherwise.
    if not _agree(recorded, found, tolerance=0.02):
        raise ValueError(
            f"The backbone loaded from {path} does not compute the features that its "
            f"run recorded: expected {recorded}, got {found.tolist()}. The file was "
            "changed or damaged, or this Keras version reads it otherwise."
        )


def _agree(expected, found, tolerance):
    """Compares fingerprints by the size of the features, which may be tiny.

    Of random weights they are about 1e-6: an absolute tolerance would pass anything.
    """
    expected, found = np.asarray(expected), np.asarray(found)
    if expected.shape != found.shape:
        return False
    largest = np.max(np.abs(expected[:-1]))
    # The norm, the last one, tells of the features that are not among the entries.
    return np.allclose(
        found[:-1], expected[:-1], rtol=0, atol=tolerance * largest
    ) and np.isclose(found[-1], expected[-1], rtol=tolerance, atol=0)


def _take_over(source, model, origin):
    """Copies weights between models whose features then agree, or copies nothing."""
    source = flatten(source)
    theirs = [tuple(weight.shape) for weight in source.weights]
    ours = [tuple(weight.shape) for weight in model.weights]
    if theirs != ours:
        raise ValueError(
            f"{origin} holds another architecture ({source.name}: {len(theirs)} "
            f"weights, {source.count_params():,} parameters) than the backbone "
            f"{model.name} ({len(ours)} weights, {model.count_params():,} parameters). "
            "Name the backbone that was pretrained."
        )
    before = model.get_weights()
    set_weights(model, source.get_weights())
    if _count_rescalings(source) > _count_rescalings(model):
        _fold_rescaling(model)
    # At the size of the source: not every model computes at every size.
    size = source.input_shape[1] or model.input_shape[1] or _SIZE_OF_ANY
    expected, found = fingerprint(source, size), fingerprint(model, size)
    if not _agree(expected, found, tolerance=1e-3):
        set_weights(model, before)
        raise ValueError(
            f"{origin} has weights of the shapes that the backbone {model.name} has, "
            f"but another graph: the features became {found.tolist()} instead of "
            f"{expected.tolist()}. Name the file as the backbone itself."
        )


def _model_of_weights_file(model, build, path):
    """Another model of the architecture, with the weights of an .h5 file.

    Keras fills it as it does its own graphs, so that the features of the backbone can
    be compared with those that the file stands for; and a file that fails half-way
    leaves the backbone as it was.
    """
    for make in (build, lambda _: clone_with_weights(model)):
        if make is None:
            continue
        source = make(None)
        # Of what the file has no values for, these stay.
        source.set_weights(
            [
                np.full_like(values, np.nan) if values.ndim > 1 else values
                for values in source.get_weights()
            ]
        )
        try:
            source.load_weights(path)
            break
        except Exception as error:
            # Keras 3 finds weights by the class names of layers, which in a file of
            # this package's backbones are not those of Keras' graph.
            reason = error
    else:
        raise ValueError(
            f"{path} does not fit the backbone {model.name} with its "
            f"{len(model.weights)} weights; expected a file of this network "
            f"without top ('..._notop.h5'). Keras said: {str(reason).splitlines()[0]}"
        ) from reason
    unchanged = [
        weight.path
        for weight, values in zip(source.weights, source.get_weights(), strict=True)
        if values.ndim > 1 and np.isnan(values).all()
    ]
    if unchanged:
        raise ValueError(
            f"{path} has no values for {len(unchanged)} kernels of {model.name}, "
            f"{unchanged[0]} among them. Name a file of the whole backbone."
        )
    _fold_rescaling(source)
    return source


def _imagenet_model(model, build):
    if build is None:
        raise WeightsUnavailable(
            "'imagenet' weights exist for keras.applications backbones only. "
            f"Received: the backbone {model.name} of a file"
        )
    return build_with_imagenet(build, model.name)


def _count_rescalings(model):
    return sum(isinstance(layer, keras.layers.Rescaling) for layer in model.layers)


def _fold_rescaling(model):
    """Gives the graph of random weights the inputs of the graph of ImageNet weights.

    Keras' ImageNet files keep deviations where `Normalization` expects variances, and
    its builder makes up for that by one more `Rescaling`, by 1 / sqrt(deviation), for
    `weights="imagenet"` alone. The same factor goes into the variance here.
    """
    for layer in normalization_layers(model):
        for weight in layer.weights:
            values = keras.ops.convert_to_numpy(weight)
            if values.size == 3 and np.allclose(
                values.ravel(), IMAGENET_DEVIATIONS, atol=1e-3
            ):
                weight.assign(np.square(values))
    refresh_normalization(model)
