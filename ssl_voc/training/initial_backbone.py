"""Backbone that a training starts from, and the weights that `auto` finds for it."""

import contextlib
import socket

from ssl_voc import models
from ssl_voc.callbacks import last_epoch
from ssl_voc.models.imagenet_download import WeightsUnavailable
from ssl_voc.training.starts import AUTO

# Without an answer for so long there is no network.
_DOWNLOAD_TIMEOUT = 10.0
_STRIDE = 32  # of the last feature map of every family


def build_initial_backbone(config, run):
    """Builds the backbone of a training and loads the weights that it starts from.

    `--weights auto` takes Keras' ImageNet weights where its file is cached or can be
    downloaded, and random ones where there are none, or network or server fail. What it
    took stands in the manifest as `weights`, and a run that goes on keeps to it.

    Args:
        config: A `TrainingConfig`, resolved.
        run: The `RunFolder` of the training.

    Returns:
        What `ssl_voc.backbone` returns.

    Raises:
        ValueError, FileNotFoundError: see `ssl_voc.backbone`; also where Keras' file is
            damaged or the disk is full.
    """

    def build(weights):
        return models.backbone(
            config.backbone, config.image_size, weights, config.drop_connect
        )

    model = _build_and_load(config, run, build)
    if not config.backbone.endswith(".keras"):
        told = describe_odd_size(config.image_size, model.output_shape[1])
        if told:
            print(told, flush=True)
    return model


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


def _build_and_load(config, run, build):
    if config.weights != AUTO:
        return build(config.weights)
    if "weights" in run.manifest:
        # Those of a checkpoint will take their place: nothing needs to be downloaded.
        has_begun = last_epoch(run.path / "checkpoints")
        return build(None if has_begun else run.manifest["weights"])
    if config.backbone.endswith(".keras"):
        weights, model = None, build(None)
        print(f"start: {config.backbone} as it is (--weights)")
    else:
        weights, model = _imagenet_or_random(build)
    run.update_manifest(weights=weights)
    return model


def _imagenet_or_random(build):
    try:
        with _timeout(_DOWNLOAD_TIMEOUT):
            model = build("imagenet")
    except WeightsUnavailable as reason:
        print(f"start: random weights (--weights). {reason}", flush=True)
        return None, build(None)
    print(
        "start: ImageNet weights of Keras; --weights none for random ones", flush=True
    )
    return "imagenet", model


@contextlib.contextmanager
def _timeout(seconds):
    """Lets connections that say nothing fail, which wait for ever by default."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
