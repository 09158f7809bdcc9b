"""Folder of files that the project can make again."""

import os
import pathlib


def cache_folder() -> pathlib.Path:
    """The cache folder; it need not exist.

    `$SSL_VOC_CACHE`, else `ssl_voc` in `$XDG_CACHE_HOME`, else `~/.cache/ssl_voc`.
    """
    chosen = os.environ.get("SSL_VOC_CACHE")
    if chosen:
        return pathlib.Path(chosen).expanduser()
    parent = os.environ.get("XDG_CACHE_HOME")
    parent = pathlib.Path(parent) if parent else pathlib.Path.home() / ".cache"
    return parent / "ssl_voc"
