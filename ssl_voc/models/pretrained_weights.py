"""Loading weights into a backbone, and proving by features that they arrived."""

import json
from pathlib import Path

import keras
import numpy as np

# What `keras.applications` multiplies into its ImageNet graphs: see `_fold_rescaling`.
IMAGENET_DEVIATIONS = np.array([0.229, 0.224, 0.225], dtype="float32")


def load_pretrained_weights(model, name, weights):
    """Loads weights into a backbone, or raises and says why they do not fit.

    Args:
        model: Backbone, as `ssl_voc.backbone` builds it.
        name: Its `keras.applications` name, for `"imagenet"`.
        weights: `"imagenet"`, a run folder, a `.keras` file or an `.h5` file.

    Raises:
        ValueError: when the weights are of another architecture, or when the features
            after loading are not those that the weights' own record tells.
        FileNotFoundError: when there is no such file.
    """
    if weights == "imagenet":
        _load_imagenet(model, name)
        return
    path = Path(weights)
    recorded = None
    if path.is_dir():
        recorded = _recorded_fingerprint(path)
        path = path / "backbone.keras"
    if not path.is_file():
        raise FileNotFoundError(
            "Weights not found. Expected 'imagenet', the folder of a finished "
            "pretraining run, a .keras file or an .h5 weights file. "
            f"Received: weights={str(weights)!r}"
        )
    before = fingerprint(model)
    if path.suffix == ".keras":
        _copy_weights(keras.models.load_model(path, compile=False), model, path)
    elif path.suffix == ".h5":
        _load_weights_file(model, path)
    else:
        raise ValueError(
            "Weights must be a run folder, a .keras or an .h5 file. "
            f"Received: weights={str(weights)!r}"
        )
    after = fingerprint(model)
    if np.allclose(before, after, rtol=1e-5):
        raise ValueError(
            f"Loading {path} left the features of the backbone as they were: the file "
            "holds no weights for it. Name the file of a pretrained backbone."
        )
    if recorded is not None and not np.allclose(recorded, after, rtol=0.02, atol=1e-3):
        raise ValueError(
            f"The backbone loaded from {path} does not compute the features that its "
            f"run recorded: expected {recorded}, got {after.tolist()}. The file was "
            "changed or damaged, or this Keras version reads it otherwise."
        )


def fingerprint(model):
    """What a backbone says of one fixed image: a proof that its weights are in place.

    Args:
        model: Backbone from images in `[0, 255]` to feature maps.

    Returns:
        Float array `(9,)`: eight entries of the pooled features, evenly spread, and
        their norm, rounded to 5 significant digits' worth.
    """
    size = model.input_shape[1] or 64
    rows, columns = np.mgrid[0:size, 0:size] / size
    image = np.stack([rows, columns, np.sin(20 * rows * columns) / 2 + 0.5], axis=-1)
    features = model(255.0 * image[None].astype("float32"), training=False)
    features = keras.ops.convert_to_numpy(features).astype("float32")
    pooled = features.mean(axis=(0, 1, 2))
    entries = pooled[np.linspace(0, len(pooled) - 1, 8).astype(int)]
    return np.append(entries, np.linalg.norm(pooled)).astype("float64")


def _recorded_fingerprint(run_folder):
    try:
        manifest = json.loads((run_folder / "manifest.json").read_text())
    except (OSError, ValueError):
        return None
    return manifest.get("backbone_fingerprint")


def _copy_weights(source, model, path):
    theirs = [tuple(weight.shape) for weight in source.weights]
    ours = [tuple(weight.shape) for weight in model.weights]
    if theirs != ours:
        raise ValueError(
            f"{path} holds another architecture ({source.name}: {len(theirs)} weights, "
            f"{source.count_params():,} parameters) than the backbone {model.name} "
            f"({len(ours)} weights, {model.count_params():,} parameters). Name the "
            "backbone that was pretrained."
        )
    model.set_weights(source.get_weights())


def _load_weights_file(model, path):
    before = model.get_weights()
    try:
        model.load_weights(path)
    except Exception as error:
        # Keras may have assigned some weights before it failed: never half-loaded.
        model.set_weights(before)
        raise ValueError(
            f"{path} does not fit the backbone {model.name} with its "
            f"{len(model.weights)} weights; expected a file of this EfficientNet "
            f"without top ('..._notop.h5'). Keras said: {str(error).splitlines()[0]}"
        ) from error
    unchanged = [
        weight.path
        for weight, old in zip(model.weights, before, strict=True)
        if len(old.shape) > 1 and np.array_equal(old, weight)
    ]
    if unchanged:
        model.set_weights(before)
        raise ValueError(
            f"{path} has no values for {len(unchanged)} kernels of {model.name}, "
            f"{unchanged[0]} among them. Name a file of the whole backbone."
        )
    _fold_rescaling(model)


def _load_imagenet(model, name):
    build = getattr(keras.applications, str(name), None)
    if build is None:
        raise ValueError(
            "'imagenet' weights exist for keras.applications backbones only. "
            f"Received: name={str(name)!r}"
        )
    try:
        source = build(
            include_top=False, weights="imagenet", input_shape=model.input_shape[1:]
        )
    except Exception as error:
        raise ValueError(
            f"The ImageNet weights of {name} could not be had: "
            f"{str(error).splitlines()[0]} Without a network, give the path of "
            "Keras' '..._notop.h5' file instead."
        ) from error
    _copy_weights(source, model, "imagenet")
    _fold_rescaling(model)
    expected, got = fingerprint(source), fingerprint(model)
    if not np.allclose(expected, got, rtol=1e-3, atol=1e-4):
        raise ValueError(
            f"The ImageNet features of {name} are not reproduced: expected "
            f"{expected.tolist()}, got {got.tolist()}."
        )


def _fold_rescaling(model):
    """Gives the graph of random weights the inputs of the graph of ImageNet weights.

    Keras' ImageNet files keep deviations where `Normalization` expects variances, and
    its builder makes up for that by one more `Rescaling`, by 1 / sqrt(deviation), for
    `weights="imagenet"` alone. The same factor goes into the variance here.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            for weight in layer.weights:
                values = keras.ops.convert_to_numpy(weight)
                if values.size == 3 and np.allclose(
                    values.ravel(), IMAGENET_DEVIATIONS, atol=1e-3
                ):
                    weight.assign(np.square(values))
            layer.finalize_state()
