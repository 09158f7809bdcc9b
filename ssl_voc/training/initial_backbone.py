"""Backbone that a training starts from, and the weights that `auto` finds for it."""

import contextlib
import socket

from ssl_voc import models
from ssl_voc.models.imagenet_download import WeightsUnavailable
from ssl_voc.runs.start_rules import has_checkpoint
from ssl_voc.training.input_checks import AUTO, DEFAULT_BACKBONE

# Without an answer for so long there is no network.
_DOWNLOAD_TIMEOUT = 10.0
_STRIDE = 32  # of the last feature map of every family


def build_initial_backbone(config, run, backbone_from_random=None):
    """Builds the backbone of a training and loads the weights that it starts from.

    `--weights auto` takes Keras' ImageNet weights where its file is cached or can be
    downloaded, and random ones where there are none, or network or server fail. What it
    took stands in the manifest as `weights`, the name that `--backbone auto` became as
    `backbone`, and a run that goes on keeps to them.

    Args:
        config: A `TrainingConfig`, resolved.
        run: The `RunFolder` of the training.
        backbone_from_random: Name that `--backbone auto` becomes where the weights are
            random ones.

    Returns:
        What `ssl_voc.backbone` returns.

    Raises:
        ValueError, FileNotFoundError: see `ssl_voc.backbone`; also where Keras' file is
            damaged or the disk is full.
    """

    def build(name, weights):
        return models.backbone(name, config.image_size, weights, config.drop_connect)

    # Weights of a checkpoint will take their place: they may be gone.
    has_begun = has_checkpoint(run.path)
    if config.weights != AUTO:
        model = build(config.backbone, None if has_begun else config.weights)
    elif "weights" in run.manifest:
        weights = None if has_begun else run.manifest["weights"]
        model = build(run.manifest.get("backbone", config.backbone), weights)
    else:
        if config.backbone.endswith(".keras"):
            print(f"start: {config.backbone} as it is (--weights)")
            name, weights = config.backbone, None
            model = build(name, weights)
        else:
            name, weights, model = _imagenet_or_random(
                build, config.backbone, backbone_from_random
            )
        chosen = {"backbone": name} if config.backbone == AUTO else {}
        run.update_manifest(weights=weights, **chosen)
    if not config.backbone.endswith(".keras"):
        told = describe_odd_size(config.image_size, model.output_shape[1])
        if told:
            print(told, flush=True)
    return model


def starts_trained(config, run):
    """Whether the weights that a training starts from are trained ones.

    Args:
        config: A `TrainingConfig`, resolved.
        run: The `RunFolder` of the training, once `build_initial_backbone` has built.
    """
    chosen = config.weights == AUTO
    weights = run.manifest["weights"] if chosen else config.weights
    return weights is not None or config.backbone.endswith(".keras")


def describe_odd_size(image_size, rows):
    """What becomes of an image size that no whole cells of 32 px fill, in one line.

    Args:
        image_size: In pixels.
        rows: Of the last feature map.

    Returns:
        Text; `None` for a multiple of 32.
    """
    if image_size % _STRIDE == 0:
        return None
    what = "pads" if rows * _STRIDE > image_size else "crops"
    return (
        f"image size: {image_size} px is no multiple of {_STRIDE}; the backbone {what} "
        f"it to {rows} x {rows} cells, as many as {rows * _STRIDE} px have "
        "(--image-size)"
    )


def _imagenet_or_random(build, name, backbone_from_random):
    """Name, weights and model of the best start that can be had."""
    is_chosen = name == AUTO
    name = DEFAULT_BACKBONE if is_chosen else name
    try:
        with _timeout(_DOWNLOAD_TIMEOUT):
            model = build(name, "imagenet")
    except WeightsUnavailable as reason:
        print(f"start: random weights (--weights). {reason}", flush=True)
        if is_chosen:
            name = backbone_from_random
            print(f"backbone: {name}, which learns quickly from those (--backbone)")
        return name, None, build(name, None)
    print(
        f"start: Keras' ImageNet weights of {name}; --weights none for random ones",
        flush=True,
    )
    return name, "imagenet", model


@contextlib.contextmanager
def _timeout(seconds):
    """Lets connections that say nothing fail, which wait for ever by default."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
