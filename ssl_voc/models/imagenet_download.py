"""Download of Keras' ImageNet weights, and why it failed."""

import http.client
import os
import ssl
import tempfile
import urllib.error
from pathlib import Path

from ssl_voc.cli.errors import is_full_disk

# What a network or a server does, among other `OSError`s.
_NETWORK_ERRORS = (
    urllib.error.URLError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
)


class WeightsUnavailable(ValueError):
    """A backbone has no ImageNet weights, or no server gives them now."""


def build_with_imagenet(build, name):
    """Builds a graph with the ImageNet weights that Keras keeps or downloads.

    Args:
        build: Function of `"imagenet"` to the graph.
        name: Of the backbone, for errors.

    Returns:
        What `build` returns.

    Raises:
        WeightsUnavailable: when there are none, or network or server fail.
        ValueError: when the file is damaged or cannot be kept, saying what to do.
    """
    kept = _kept_files()
    try:
        return build("imagenet")
    except WeightsUnavailable:
        raise
    except Exception as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        failed = f"The ImageNet weights of {name} could not be had: {said.rstrip('.')}."
        folder, otherwise = _folder(), "or start from random weights by --weights none."
        if is_full_disk(error):
            raise ValueError(
                f"{failed} The disk is full: free some space for {folder}, name "
                f"another folder by KERAS_HOME, {otherwise}"
            ) from error
        if not _is_of_network(error):
            raise ValueError(
                f"{failed} Delete the file under {folder} to have it downloaded again, "
                f"{otherwise}"
            ) from error
        removed = kept - _kept_files()
        if removed:
            raise ValueError(
                f"{failed} {folder / min(removed)} was damaged, and Keras has removed "
                f"it: put a whole one there, {otherwise}"
            ) from error
        raise WeightsUnavailable(
            f"{failed} Without a network, give the path of Keras' '..._notop.h5' file "
            "instead."
        ) from error


def _is_of_network(error):
    """Whether an error, or one that it was raised for, is of network or server."""
    while error is not None:
        if isinstance(error, _NETWORK_ERRORS):
            return True
        error = error.__cause__ or error.__context__
    return False


def _folder():
    """Where Keras keeps downloads, which it does not tell; as it chooses by itself."""
    home = os.path.expanduser("~")
    parent = home if os.access(home, os.W_OK) else "/tmp"
    folder = os.environ.get("KERAS_HOME", os.path.join(parent, ".keras"))
    folder = os.path.expanduser(folder)
    if not os.access(folder, os.W_OK):
        parent = "/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()
        folder = os.path.join(parent, ".keras")
    return Path(folder, "models")


def _kept_files():
    """Names of the files that Keras has downloaded."""
    folder = _folder()
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
